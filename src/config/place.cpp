#include "config/place.hpp"

namespace cinit::config {

Place place_of(const Draft& draft, const DraftService& service, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const toml::node* node = service.table->get(key)) return {node, key, service.title, false};
  }
  if (draft.defaults_table == nullptr) return {};
  for (const std::string_view key : keys) {
    if (const toml::node* node = draft.defaults_table->get(key)) return {node, key, "[defaults]", true};
  }
  return {};
}

Place inner_place(const Place& outer, std::string_view full_key) {
  Place inner = outer;
  inner.key = full_key;
  if (outer.node == nullptr || !outer.node->is_table()) return inner;
  const std::string_view key = full_key.substr(full_key.find('.') + 1);
  if (const toml::node* node = outer.node->as_table()->get(key)) inner.node = node;
  return inner;
}

}  // namespace cinit::config

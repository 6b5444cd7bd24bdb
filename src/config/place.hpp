// Where the keys of a service are written. Private to config/.
#pragma once

#include <initializer_list>
#include <string_view>

#include "config/read_tables.hpp"

namespace cinit::config {

// Where one of the keys of a service is written: in its own table, or in [defaults].
struct Place {
  const toml::node* node = nullptr;  // nullptr: nowhere, the documented default holds
  std::string_view key;
  std::string_view title;
  bool from_defaults = false;
};

// The first of `keys` that is in the table of the service; otherwise the first that is in [defaults].
Place place_of(const Draft& draft, const DraftService& service, std::initializer_list<std::string_view> keys);

// The place of "health.action" in that of "health"; when it is not written there, that of "health" under the longer name.
Place inner_place(const Place& outer, std::string_view full_key);

}  // namespace cinit::config

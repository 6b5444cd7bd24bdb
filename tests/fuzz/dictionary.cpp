#include "dictionary.hpp"

#include <string_view>

#include "config/keys.hpp"
#include "config/names.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::string_view kSyntax[] = {" = ", "[[", "]]",    "\\\"\\\"\\\"",   "'''", "${", "$${",
                                        ":-",  ":?", "file:", "\\xEF\\xBB\\xBF"};

void add(std::string& text, std::string_view word) { text.append("\"").append(word).append("\"\n"); }

template <class Table>
void add_keys(std::string& text) {
  for (const std::string_view key : config::key_names<Table>()) add(text, std::string(key) + " = ");
}

template <class... Enums>
void add_words(std::string& text) {
  const auto add_all = [&](auto names) {
    for (const auto& named : names) add(text, "\\\"" + std::string(named.name) + "\\\"");
  };
  (add_all(config::names_of(Enums{})), ...);
}

}  // namespace

std::string dictionary() {
  std::string text;
  for (const std::string_view table : config::kTables) add(text, "[" + std::string(table) + "]\\x0A");
  add(text, "[service.b]\\x0A");
  add_keys<config::Container>(text);
  add_keys<config::Sysctl>(text);
  add_keys<config::Hooks>(text);
  add_keys<config::Service>(text);
  add_keys<config::Ready>(text);
  add_keys<config::Health>(text);
  add_words<config::ServiceType, config::RestartPolicy, config::EndAction, config::KillMode, config::Input,
            config::LogLevel, config::SysctlPolicy, config::LogFormat, config::LogPrefix, config::HealthAction>(text);
  for (const std::string_view limit : config::kLimitNames) add(text, std::string(limit) + " = ");
  for (const std::string_view word : kSyntax) add(text, word);
  return text;
}

}  // namespace cinit::fuzz

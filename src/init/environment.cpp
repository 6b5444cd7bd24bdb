#include "init/environment.hpp"

#include <string.h>

namespace cinit::init {

EnvironmentBlock::EnvironmentBlock(const config::Variables& variables) {
  strings_.reserve(variables.size());
  for (const auto& [name, value] : variables) strings_.emplace_back(name).append("=").append(value);
  pointers_.reserve(strings_.size() + 1);
  for (std::string& variable : strings_) pointers_.push_back(variable.data());
  pointers_.push_back(nullptr);
}

char* EnvironmentBlock::value_of(std::string_view name) {
  for (std::string& variable : strings_) {
    if (variable.starts_with(name) && variable[name.size()] == '=') return variable.data() + name.size() + 1;
  }
  return nullptr;
}

config::Variables read_environment(char* const* envp) {
  config::Variables variables;
  for (; *envp; ++envp) {
    const char* const variable = *envp;
    if (const char* equals = strchr(variable, '=')) variables.emplace(std::string(variable, equals), equals + 1);
  }
  return variables;
}

config::Variables without_own(config::Variables variables) {
  for (const char* name : kOwnVariables) variables.erase(name);
  return variables;
}

void merge(config::Variables& variables, const config::Variables& stronger) {
  for (const auto& [name, value] : stronger) variables.insert_or_assign(name, value);
}

}  // namespace cinit::init

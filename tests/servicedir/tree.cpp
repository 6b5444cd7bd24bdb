#include "tree.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace cinit::test {

Tree& Tree::file(const std::string& path, std::string_view text, mode_t mode) {
  write_file(this->path(path), text);
  REQUIRE(chmod(this->path(path).c_str(), mode) == 0);
  return *this;
}

Tree& Tree::directory(const std::string& path) {
  make_directories(this->path(path));
  return *this;
}

Tree& Tree::link(const std::string& target, const std::string& path) {
  make_directories(this->path(path.substr(0, path.rfind('/'))));
  REQUIRE(symlink(target.c_str(), this->path(path).c_str()) == 0);
  return *this;
}

std::string Tree::to_text(std::span<const config::Problem> problems) const {
  std::string text;
  for (const config::Problem& problem : problems) text += to_string(problem) + '\n';
  for (std::size_t at = text.find(path()); at != std::string::npos; at = text.find(path(), at)) {
    text.erase(at, path().size());
  }
  return text;
}

const config::Service& service_of(const servicedir::Found& found, const std::string& name) {
  const auto service = std::ranges::find(found.services, name, &config::Service::name);
  REQUIRE_MESSAGE(service != found.services.end(), "there is no service ", name);
  return *service;
}

std::string names_of(const servicedir::Found& found) {
  std::string names;
  for (const config::Service& service : found.services) names += (names.empty() ? "" : " ") + service.name;
  return names;
}

}  // namespace cinit::test

// conf/README.md has every key, each in the table where it belongs, and no other.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "cases.hpp"
#include "config/keys.hpp"
#include "files.hpp"

using namespace cinit::test;
using namespace cinit::config;

namespace {

using Names = std::set<std::string>;

// The words between backquotes in the first column of the tables below a heading that begins with this text.
Names documented_keys(const std::string& heading) {
  Names keys;
  bool inside = false;
  for (const std::string& line : lines_of(read_file(CINIT_SOURCE_DIR "/conf/README.md").value())) {
    if (line.starts_with("##")) inside = line.starts_with(heading);
    if (!inside || !line.starts_with("| `")) continue;
    const std::string column = line.substr(1, line.find('|', 1) - 1);
    for (std::size_t begin = column.find('`'); begin != std::string::npos;) {
      const std::size_t end = column.find('`', begin + 1);
      keys.insert(column.substr(begin + 1, end - begin - 1));
      begin = column.find('`', end + 1);
    }
  }
  return keys;
}

// "-key" for each key of the table that the page has not, "+key" for each that only the page has.
template <class Table>
std::string differences(const std::string& heading) {
  const Names page = documented_keys(heading);
  const std::vector<std::string_view> keys = key_names<Table>();
  std::string text;
  for (const std::string_view key : keys) {
    if (!page.contains(std::string(key))) text += " -" + std::string(key);
  }
  for (const std::string& key : page) {
    if (std::ranges::find(keys, key) == keys.end()) text += " +" + key;
  }
  return text;
}

}  // namespace

TEST_CASE("conf/README.md has every key in its table, and no other") {
  CHECK(differences<Container>("## `[cinit]`") == "");
  CHECK(differences<Sysctl>("## `[sysctl]`") == "");
  CHECK(differences<Hooks>("## `[hooks]`") == "");
  CHECK(differences<Service>("## `[service.NAME]`") == "");
  CHECK(differences<Ready>("### `ready`") == "");
  CHECK(differences<Health>("### `health`") == "");
}

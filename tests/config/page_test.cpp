// conf/README.md has every key, each in the table where it belongs, and no other.
#include <doctest/doctest.h>

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

template <class Table>
Names keys_of_table() {
  const std::vector<std::string_view> names = key_names<Table>();
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("conf/README.md has every key in its table, and no other") {
  CHECK(documented_keys("## `[cinit]`") == keys_of_table<Container>());
  CHECK(documented_keys("## `[sysctl]`") == keys_of_table<Sysctl>());
  CHECK(documented_keys("## `[hooks]`") == keys_of_table<Hooks>());
  CHECK(documented_keys("## `[service.NAME]`") == keys_of_table<Service>());
  CHECK(documented_keys("### `ready`") == keys_of_table<Ready>());
  CHECK(documented_keys("### `health`") == keys_of_table<Health>());
}

// conf/cinit.toml is documentation; here it is held to what the program does.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cases.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/show.hpp"
#include "files.hpp"

using namespace cinit::test;
using namespace cinit::config;

namespace {

// "[table] key" to its value; without a value: unset.
using Keys = std::map<std::string, std::string>;

std::string read_example() { return read_file(CINIT_SOURCE_DIR "/conf/cinit.toml").value(); }

// Code in comments begins right behind the `#`, prose with a blank.
bool is_commented_code(const std::string& line) { return line.size() > 1 && line[0] == '#' && line[1] != ' '; }

std::string uncomment(const std::string& text) {
  std::string code;
  for (const std::string& line : lines_of(text)) {
    if (is_commented_code(line)) code += line.substr(1) + '\n';
  }
  return code;
}

Keys keys_of(const std::string& toml) {
  Keys keys;
  std::string table;
  for (const std::string& line : lines_of(toml)) {
    const std::size_t equals = line.find(" = ");
    if (line.starts_with('[')) {
      table = line == "[service.web]" ? "[service.NAME]" : line;
    } else if (line.starts_with('#')) {
      keys[table + ' ' + line.substr(1)] = "";
    } else if (equals != std::string::npos) {
      keys[table + ' ' + line.substr(0, equals)] = line.substr(equals + 3);
    }
  }
  return keys;
}

// Tables whose keys are not fixed, and [defaults], which shows some keys of [service.NAME] once more.
bool is_free(const std::string& key) { return key.starts_with("[env] ") || key.starts_with("[defaults] "); }

}  // namespace

TEST_CASE("conf/cinit.toml changes nothing as it is delivered") {
  const std::vector<std::string> lines = lines_of(read_example());
  CHECK(std::ranges::all_of(lines, [](const std::string& line) { return line.empty() || line[0] == '#'; }));
}

TEST_CASE("conf/cinit.toml names every key with its default, and no other") {
  Keys documented = keys_of(uncomment(read_example()));
  std::erase_if(documented, [](const auto& entry) { return is_free(entry.first); });
  const Keys defaults = keys_of(defaults_toml());
  REQUIRE(defaults.size() > 30);
  for (const auto& key : defaults) {
    CAPTURE(key.first);
    REQUIRE(documented.contains(key.first));
    const bool has_default = !key.second.empty();
    if (has_default) CHECK(documented[key.first] == key.second);
  }
  for (const auto& key : documented) {
    CAPTURE(key.first);
    CHECK(defaults.contains(key.first));
  }
}

TEST_CASE("the defaults name every table, also those of free keys") {
  const std::string defaults = defaults_toml();
  for (const char* const table :
       {"[cinit]\n", "\n[env]\n", "\n[sysctl]\n", "\n[hooks]\n", "\n[defaults]\n", "\n[service.NAME]\n"}) {
    CAPTURE(table);
    CHECK(defaults.find(table) != std::string::npos);
  }
}

TEST_CASE("conf/cinit.toml without its comments is a configuration without a mistake") {
  const std::vector<SourceText> sources{{"cinit.toml", uncomment(read_example())}};
  const Loaded loaded = load(sources, lookup_in({}), Undefined::Error);
  CHECK(to_text(loaded.problems) == "");
  CHECK(loaded.config.services.size() == 1);
}

TEST_CASE("conf/cinit.toml shows the tables of free keys as well") {
  const std::string code = uncomment(read_example());
  CHECK(code.find("[env]\n") != std::string::npos);
  CHECK(code.find("[defaults]\n") != std::string::npos);
}

TEST_CASE("conf/cinit.toml spells out ready and health with their defaults, and names all of their ways") {
  const std::string text = read_example();
  const std::vector<SourceText> sources{{"cinit.toml", uncomment(text)}};
  const Loaded loaded = load(sources, lookup_in({}), Undefined::Error);
  REQUIRE(loaded.config.services.size() == 1);
  const Service& web = loaded.config.services[0];
  REQUIRE(web.ready);
  REQUIRE(web.health);

  Config with_defaults;
  with_defaults.services.push_back({.name = "web", .ready = Ready{}, .health = Health{}});
  with_defaults.services[0].ready->when = web.ready->when;
  with_defaults.services[0].health->check = web.health->check;
  for (const std::string& line : lines_of(to_toml(with_defaults))) {
    CAPTURE(line);
    if (line.starts_with("ready = ") || line.starts_with("health = ")) {
      CHECK(text.find("\n#" + line + '\n') != std::string::npos);
    }
  }
  for (const std::string_view way : way_names<Ready>()) CHECK(text.find("{ " + std::string(way)) != std::string::npos);
  for (const std::string_view way : way_names<Health>()) CHECK(text.find("{ " + std::string(way)) != std::string::npos);
}

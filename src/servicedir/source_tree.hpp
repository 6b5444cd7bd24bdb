// The names in a directory of s6-rc sources, and what each stands for.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "servicedir/tree.hpp"
#include "servicedir/value_file.hpp"

namespace cinit::servicedir {

enum class SourceKind { Oneshot, Longrun, Bundle };

// One directory of sources/. The longruns of a pipeline are a bundle as well, when the last of them names it. What is wrong
// becomes a problem, once.
class SourceTree {
 public:
  // Reads the type of every source, and the names of pipelines.
  SourceTree(std::string path, Problems& problems);

  // Oneshots and longruns that the names stand for: a bundle stands for its contents. Names of s6-overlay's own are dropped.
  std::set<std::string> services_of(const std::vector<ListedName>& names);

  // Nothing when the name is no longrun: a problem of where it is written.
  const Directory* find_longrun(const ListedName& name);

  SourceKind kind_of(const std::string& service) const { return *sources_.at(service).kind; }
  const Directory& directory_of(const std::string& service) const { return sources_.at(service).directory; }

  // What is in the list `name` of the directory: a file with a name a line, or NAME.d with a file a name.
  std::vector<ListedName> read_names(const std::string& directory, const std::string& name);

 private:
  struct Source {
    Directory directory;
    std::optional<SourceKind> kind;  // nothing: it has no valid type
  };

  std::optional<SourceKind> read_kind(const std::string& directory);
  void add_pipeline(const Directory& last);
  std::vector<std::string> known(const std::vector<ListedName>& names);
  const std::vector<std::string>& contents_of(const std::string& bundle);
  std::vector<std::string> members_of_pipeline(const std::string& last);
  void expand(const std::vector<std::string>& names, std::set<std::string>& seen, std::set<std::string>& services);
  void report_unknown(const ListedName& name);

  std::string path_;
  Problems& problems_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::string> pipelines_;              // by name: the last longrun
  std::map<std::string, std::vector<std::string>> contents_;  // of bundles that were asked for
};

}  // namespace cinit::servicedir

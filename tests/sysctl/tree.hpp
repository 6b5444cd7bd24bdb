// A directory of files, as tests need them. What goes wrong fails the test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cinit::test {

// The text of a file, which must exist.
std::string read_text(const std::string& path);

// The names in a directory, sorted.
std::vector<std::string> names_in(const std::string& directory);

// A directory that everybody may enter, and that is gone, with all that is in it, when the test ends.
class Tree {
 public:
  Tree();
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  const std::string& path() const { return path_; }
  std::string at(const std::string& name) const { return path_ + '/' + name; }

  // Makes the directories on the way. The file looks untouched: it was last changed in 1970.
  void put(const std::string& name, std::string_view text) const;
  std::string get(const std::string& name) const { return read_text(at(name)); }
  // Whether anybody has written to the file since put().
  bool is_touched(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace cinit::test

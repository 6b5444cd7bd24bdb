// Files and directories, as tests need them. What goes wrong fails the test.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cinit::test {

// The text of a file; nothing when it does not exist.
std::optional<std::string> read_file(const std::string& path);

// Makes the directories that are missing on the way.
void write_file(const std::string& path, std::string_view text);
void make_directories(const std::string& path);

// The names in a directory, sorted, without hidden ones.
std::vector<std::string> names_in(const std::string& directory);

std::vector<std::string> lines_of(std::string_view text);

// A directory that is gone, with all that is in it, when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace cinit::test

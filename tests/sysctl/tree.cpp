#include "tree.hpp"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace cinit::test {

std::string read_text(const std::string& path) {
  CAPTURE(path);
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> names_in(const std::string& directory) {
  DIR* const stream = opendir(directory.c_str());
  REQUIRE(stream != nullptr);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(stream);
  std::ranges::sort(names);
  return names;
}

Tree::Tree() {
  const char* parent = std::getenv("TMPDIR");
  path_ = std::string(parent == nullptr ? "/tmp" : parent) + "/cinit-test-XXXXXX";
  REQUIRE(mkdtemp(path_.data()) != nullptr);
  REQUIRE(chmod(path_.c_str(), 0755) == 0);
}

Tree::~Tree() {
  const auto remove = [](const char* path, const struct stat*, int, FTW*) { return std::remove(path); };
  nftw(path_.c_str(), remove, 16, FTW_DEPTH | FTW_PHYS);
}

void Tree::put(const std::string& name, std::string_view text) const {
  const std::string path = at(name);
  for (std::size_t end = path.find('/', path_.size() + 1); end != std::string::npos; end = path.find('/', end + 1)) {
    mkdir(path.substr(0, end).c_str(), 0755);
  }
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  REQUIRE(file.good());
  const timespec times[2] = {};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

bool Tree::is_touched(const std::string& name) const {
  struct stat status {};
  REQUIRE(stat(at(name).c_str(), &status) == 0);
  return status.st_mtim.tv_sec != 0;
}

}  // namespace cinit::test

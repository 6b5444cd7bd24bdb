// What a dynamic program needs in a root of its own.
#pragma once

#include <array>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace cinit::e2e {

// The files that a program is linked with, as ldd(1) says; none for a static one.
inline std::vector<std::string> libraries_of(const std::string& program) {
  std::vector<std::string> libraries;
  FILE* const list = popen(("ldd " + program + " 2>/dev/null").c_str(), "r");
  std::array<char, 512> line{};
  while (list != nullptr && std::fgets(line.data(), line.size(), list) != nullptr) {
    std::istringstream words(line.data());
    for (std::string word; words >> word;) {
      if (word.starts_with('/')) libraries.push_back(word);
    }
  }
  if (list != nullptr) pclose(list);
  return libraries;
}

}  // namespace cinit::e2e

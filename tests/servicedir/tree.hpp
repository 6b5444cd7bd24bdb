// A directory tree for a reader, and what it has found there.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "config/problem.hpp"
#include "files.hpp"
#include "servicedir/found.hpp"

namespace cinit::test {

class Tree {
 public:
  // Paths begin with a slash, and are below the directory.
  Tree& file(const std::string& path, std::string_view text = "", mode_t mode = 0644);
  Tree& directory(const std::string& path);
  Tree& link(const std::string& target, const std::string& path);

  std::string path(const std::string& path = "") const { return root_.path() + path; }
  // Problems as they are printed, one a line, with the paths of this tree.
  std::string to_text(std::span<const config::Problem> problems) const;

 private:
  TemporaryDirectory root_;
};

// The service of that name; the test fails when there is none.
const config::Service& service_of(const servicedir::Found& found, const std::string& name);

// Their names, in order, with blanks between them.
std::string names_of(const servicedir::Found& found);

}  // namespace cinit::test

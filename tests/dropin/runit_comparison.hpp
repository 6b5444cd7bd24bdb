// The same service directories twice: once with Debian's runsvdir as PID 1, once with cinit. Debian's sv looks after both.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "transcript.hpp"

namespace cinit::runit_test {

using e2e::Container;
using transcript_test::Difference;
using transcript_test::empty;
using transcript_test::File;
using transcript_test::link_to;
using transcript_test::script;
using transcript_test::Tree;

// One container of a row. What it writes down is without the numbers in what sv says.
class Session : public transcript_test::Session {
 public:
  using transcript_test::Session::Session;

  // Waits until `sv status SERVICE` says this, in which N stands for each number.
  void await(const std::string& service, const std::string& status);

 private:
  std::string normalize(const std::string& text) const override;
};

struct Row {
  std::string name;
  Tree tree;
  std::function<void(Session&)> script;
  std::vector<Difference> differences{};
  e2e::Options options{};
};

// Runs both for each row, and compares their transcripts.
void compare(const std::vector<Row>& rows);

}  // namespace cinit::runit_test

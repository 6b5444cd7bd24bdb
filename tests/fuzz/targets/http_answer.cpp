// The beginning of an HTTP answer. The first byte says how the rest is cut into pieces.
#include "probe/http_answer.hpp"

#include <algorithm>

#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

probe::HttpAnswer take_in_pieces(std::string_view bytes, std::size_t size) {
  probe::HttpAnswer answer;
  while (!bytes.empty() && answer.take(bytes.substr(0, size))) bytes.remove_prefix(std::min(size, bytes.size()));
  return answer;
}

}  // namespace

void take_http_answer(std::string_view input) {
  if (input.empty()) return;
  const std::size_t size = static_cast<unsigned char>(input[0]) + std::size_t{1};
  const std::string_view bytes = input.substr(1);
  const probe::HttpAnswer whole = take_in_pieces(bytes, std::max<std::size_t>(bytes.size(), 1));
  const probe::HttpAnswer pieces = take_in_pieces(bytes, size);
  require(whole.status() == pieces.status(), "pieces make no difference to the status", bytes);
  // A line that is wrong is quoted as far as it has come.
  require(whole.problem().empty() == pieces.problem().empty(), "pieces make no difference to a problem", bytes);
  require(is_one_line(whole.problem()) && is_utf8(whole.problem()), "a problem is one line", whole.problem());
  require(whole.status() == 0 || (whole.status() >= 100 && whole.status() < 1000), "a status has three digits");
  require(whole.status() == 0 || whole.problem().empty(), "there is a status or a problem", whole.problem());
  if (bytes.size() >= probe::HttpAnswer::kMost) {
    require(whole.status() != 0 || !whole.problem().empty(), "an answer is bounded");
  }
}

}  // namespace cinit::fuzz

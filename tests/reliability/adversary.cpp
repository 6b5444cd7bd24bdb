#include "rows.hpp"
namespace cinit::reliability {
std::vector<Row> adversary_rows(const Setting&) { return {}; }
}  // namespace cinit::reliability

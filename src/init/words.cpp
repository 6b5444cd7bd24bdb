#include "init/words.hpp"

namespace cinit::init {
namespace {

class OwnWords final : public Words {
 public:
  std::vector<Narration> about(const core::Notice&, const Narration& own) override { return {own}; }
};

}  // namespace

std::unique_ptr<Words> make_own_words(const core::Plan&, const Words::PidOf&) { return std::make_unique<OwnWords>(); }

}  // namespace cinit::init

#include "init/image.hpp"

#include "init/s6_overlay.hpp"

namespace cinit::init {

std::unique_ptr<Image> find_known_image(const config::Variables& environment, servicedir::Problems& problems) {
  std::optional<S6Overlay> found = S6Overlay::find(environment, problems);
  return found ? std::make_unique<S6Overlay>(*std::move(found)) : nullptr;
}

}  // namespace cinit::init

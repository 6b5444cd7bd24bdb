// my_init's log lines.
#pragma once

#include "init/words.hpp"

namespace cinit::my_init {

std::unique_ptr<init::Words> make_words(const core::Plan& plan, const init::Words::PidOf& pid_of);

}  // namespace cinit::my_init

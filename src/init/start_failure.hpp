// Why a process could not be started, as the supervisor is told.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/start_stage.hpp"
#include "core/event.hpp"

namespace cinit::init {

// `error`: an errno. Whether the same start may succeed later follows from it.
core::StartFailure start_failure(StartStage stage, int error, std::string detail);
core::StartFailure start_failure(StartStage stage, const Error& error);
// The file at `path` cannot be opened for the output of the process.
core::StartFailure output_failure(StartStage stage, const std::string& path, const Error& error);

}  // namespace cinit::init

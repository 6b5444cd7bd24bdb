// Whether the test that runs has failed so far.
#pragma once

namespace cinit::docker {

bool test_has_failed();

}  // namespace cinit::docker

#include "app.hpp"
namespace app { int flood(Arguments) { return 0; } }

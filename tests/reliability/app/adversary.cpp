#include "app.hpp"
namespace app { int adversary(Arguments) { return 0; } }

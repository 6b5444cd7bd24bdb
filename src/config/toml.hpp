// toml++, as all of this folder must see it. Private to config/: no header that other folders include may include this.
#pragma once

#ifndef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 0
#endif
#ifndef TOML_ENABLE_FORMATTERS
#define TOML_ENABLE_FORMATTERS 0
#endif
#ifndef TOML_EXCEPTIONS
#define TOML_EXCEPTIONS 0
#endif
// Without it floats are read through streams, which bring std::locale along.
#ifndef TOML_FLOAT_CHARCONV
#define TOML_FLOAT_CHARCONV 1
#endif
// Some of its assertions do not hold for wrong input, "[=]" for example, which it reports as an error right behind them.
#ifndef TOML_ASSERT
#define TOML_ASSERT(expression) static_cast<void>(0)
#endif

#include <toml++/toml.h>

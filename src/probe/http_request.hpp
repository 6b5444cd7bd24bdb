// What an HTTP probe sends.
#pragma once

#include <string>

#include "config/config.hpp"

namespace cinit::probe {

// A GET in HTTP/1.1: what browsers speak is what a service is tested with, and some refuse 1.0 (426, 505) or do not know
// which of their sites is meant. "Connection: close" spares the server a wait for a next request. Bytes of the target that
// may not stand in a request line, blanks among them, are percent-encoded: RFC 3986, section 2.1.
std::string http_request(const config::HttpProbe& probe);

}  // namespace cinit::probe

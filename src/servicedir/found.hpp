// What a reader of service directories has found.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/problem.hpp"

namespace cinit::servicedir {

// Nothing is left out silently: what cannot be used is a problem. With errors among them the services are incomplete.
struct Found {
  std::vector<config::Service> services;  // by name; each before the logger that it pipes into
  std::vector<config::Problem> problems;
};

}  // namespace cinit::servicedir

// The last lines of a service.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "output/record.hpp"

namespace cinit::output {

// A ring of bytes: each line takes its length and a few bytes more, and the oldest make room for a new one. The memory is
// allocated with the first line; without memory for it no line is kept.
class Ring {
 public:
  Ring(Service service, std::size_t capacity) : service_(service), capacity_(capacity) {}

  // Keeps a copy. Of a line that is longer than the whole ring the beginning is kept.
  void push(const Record& record);
  // The oldest first.
  void for_each(const std::function<void(const Record&)>& visit) const;
  std::size_t count() const { return count_; }

 private:
  // What stands in front of a line's bytes.
  struct Header {
    std::uint64_t number;
    std::chrono::system_clock::time_point time;
    std::uint32_t size;
    Stream stream;
    bool continues;
  };

  void put(const void* data, std::size_t size);
  void get(std::size_t position, void* data, std::size_t size) const;
  Header header_at(std::size_t position) const;
  void drop_oldest();

  Service service_;
  std::size_t capacity_;
  struct Free {
    void operator()(char* memory) const { free(memory); }
  };
  // Not by operator new, for which want of memory is the end.
  std::unique_ptr<char, Free> bytes_;
  std::size_t first_ = 0;  // where the oldest line begins
  std::size_t used_ = 0;
  std::size_t count_ = 0;
};

}  // namespace cinit::output

#include "output/ring.hpp"

#include <algorithm>
#include <string>

namespace cinit::output {

void Ring::push(const Record& record) {
  if (capacity_ <= sizeof(Header)) return;
  if (!bytes_) bytes_.reset(static_cast<char*>(malloc(capacity_)));
  if (!bytes_) return;
  const std::size_t size = std::min(record.text.size(), capacity_ - sizeof(Header));
  while (capacity_ - used_ < sizeof(Header) + size) drop_oldest();
  const Header header{record.number, record.time, static_cast<std::uint32_t>(size), record.stream, record.continues};
  put(&header, sizeof(header));
  put(record.text.data(), size);
  ++count_;
}

void Ring::for_each(const std::function<void(const Record&)>& visit) const {
  std::string text;
  for (std::size_t done = 0; done < used_; done += sizeof(Header) + text.size()) {
    const Header header = header_at(first_ + done);
    text.resize(header.size);
    get(first_ + done + sizeof(Header), text.data(), text.size());
    visit({header.number, header.time, service_, header.stream, header.continues, text});
  }
}

// Behind the newest line. What reaches the end of the memory goes on at its beginning.
void Ring::put(const void* data, std::size_t size) {
  const char* const from = static_cast<const char*>(data);
  const std::size_t begin = (first_ + used_) % capacity_;
  const std::size_t before_end = std::min(size, capacity_ - begin);
  std::copy_n(from, before_end, bytes_.get() + begin);
  std::copy_n(from + before_end, size - before_end, bytes_.get());
  used_ += size;
}

void Ring::get(std::size_t position, void* data, std::size_t size) const {
  char* const to = static_cast<char*>(data);
  const std::size_t begin = position % capacity_;
  const std::size_t before_end = std::min(size, capacity_ - begin);
  std::copy_n(bytes_.get() + begin, before_end, to);
  std::copy_n(bytes_.get(), size - before_end, to + before_end);
}

Ring::Header Ring::header_at(std::size_t position) const {
  Header header{};
  get(position, &header, sizeof(header));
  return header;
}

void Ring::drop_oldest() {
  const std::size_t size = sizeof(Header) + header_at(first_).size;
  first_ = (first_ + size) % capacity_;
  used_ -= size;
  --count_;
}

}  // namespace cinit::output

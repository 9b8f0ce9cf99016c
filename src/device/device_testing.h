// A device whose memory the host must not touch, for tests on machines that have none.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "device/device.h"

namespace kissa {

// Another device, usually the CPU, that says of itself not to be the host.
class ApartDevice final : public Device {
 public:
  ApartDevice(std::unique_ptr<Device> inner, std::string description)
      : inner_(std::move(inner)), description_(std::move(description)) {}

  std::string name() const override { return "apart:0"; }
  std::string description() const override { return description_; }
  std::string isa() const override { return inner_->isa(); }
  bool is_host() const override { return false; }
  int threads() const override { return inner_->threads(); }
  std::int64_t available_memory() const override { return inner_->available_memory(); }
  std::unique_ptr<Buffer> allocate(std::int64_t bytes) override { return inner_->allocate(bytes); }
  std::unique_ptr<Stream> create_stream() override { return inner_->create_stream(); }

 private:
  std::unique_ptr<Device> inner_;
  std::string description_;
};

}  // namespace kissa

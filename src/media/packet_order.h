// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace intarsia {

/// Timestamps of a packet of a stream; every packet is one frame.
struct PacketTimes {
  std::int64_t pts = 0;
  std::optional<std::int64_t> dts;
};

/// Tells a frame's place in presentation order, and at which packet a decoder that holds back `delay` frames gives it,
/// from the packets in decoding order. Remembers only packets that are presented after the last frame asked for.
class PacketOrder {
 public:
  explicit PacketOrder(int delay) : delay_(delay) {}

  void add(const PacketTimes& packet);
  void finish() { finished_ = true; }
  /// Whether all packets that can come before `pts` in presentation order have been added, and enough to tell its dts.
  [[nodiscard]] bool knows(std::int64_t pts) const;
  struct Place {
    std::int64_t index;
    std::optional<std::int64_t> dts;
  };
  /// Requires: knows(pts), and pts ascends from call to call.
  [[nodiscard]] Place place(std::int64_t pts);

 private:
  [[nodiscard]] std::int64_t rank(std::int64_t pts) const;

  int delay_;
  bool finished_ = false;
  std::int64_t presented_ = 0;                   // packets dropped from shown_
  std::int64_t decoded_ = 0;                     // packets dropped from dts_
  std::deque<std::int64_t> shown_;               // pts of packets not yet presented, in decoding order
  std::deque<std::optional<std::int64_t>> dts_;  // dts of packets from number decoded_ on
  std::optional<std::int64_t> last_dts_;
};

}  // namespace intarsia

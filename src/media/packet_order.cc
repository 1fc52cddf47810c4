// SPDX-License-Identifier: Apache-2.0
#include "media/packet_order.h"

#include <algorithm>

namespace intarsia {

void PacketOrder::add(const PacketTimes& packet) {
  shown_.push_back(packet.pts);
  dts_.push_back(packet.dts);
  if (packet.dts) last_dts_ = packet.dts;
}

bool PacketOrder::knows(std::int64_t pts) const {
  if (finished_) return true;
  // No later packet is presented before it is decoded.
  if (!last_dts_ || *last_dts_ < pts) return false;
  return rank(pts) + delay_ < decoded_ + static_cast<std::int64_t>(dts_.size());
}

std::int64_t PacketOrder::rank(std::int64_t pts) const {
  return presented_ + std::count_if(shown_.begin(), shown_.end(), [pts](std::int64_t other) { return other < pts; });
}

PacketOrder::Place PacketOrder::place(std::int64_t pts) {
  const auto earlier = std::erase_if(shown_, [pts](std::int64_t other) { return other < pts; });
  presented_ += static_cast<std::int64_t>(earlier);
  while (decoded_ < presented_ + delay_ && !dts_.empty()) {
    dts_.pop_front();
    ++decoded_;
  }
  Place place{presented_, std::nullopt};
  if (!dts_.empty()) place.dts = dts_.front();
  return place;
}

}  // namespace intarsia

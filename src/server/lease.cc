// SPDX-License-Identifier: Apache-2.0
#include "server/lease.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "intarsia/error.h"
#include "server/home.h"

namespace intarsia {
namespace {

using Clock = std::chrono::steady_clock;

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return std::string(name).substr(0, 128);
}

std::string random_owner() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(std::time(nullptr));
  return fmt::format("{:016x}", number);
}

/// Whether the owner of a lease may still write to the home, although owner.lock is ours.
bool may_live(const LeaseFile& lease, const std::filesystem::path& home) {
  if (!lease.place.on_this_kernel()) return true;
  return !lease.place.is_here() && !is_of_one_kernel(home);
}

}  // namespace

Lease::Lease(const std::filesystem::path& home, std::function<void(const std::string&)> on_lost)
    : home_(home), owner_(random_owner()), on_lost_(std::move(on_lost)) {
  const auto other = read_lease(home_);
  taken_from_elsewhere_ = other && may_live(*other, home_) && expires(*other);
  write();
  follow_owner(lease_path(home_));
  // Of two machines that take over at once the later one wins; the other sees it here.
  if (taken_from_elsewhere_) std::this_thread::sleep_for(kPeriod / 2);
  if (!owned()) {
    throw Error(ErrorCode::kDatabaseUnavailable, fmt::format("home '{}' was taken by {} at this moment", home_.string(),
                                                             read_lease(home_).value_or(LeaseFile{}).describe()));
  }
  thread_ = std::thread([this] { keep(); });
}

Lease::~Lease() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (!lost_ && owned()) unlink(lease_path(home_).c_str());
}

bool Lease::expires(const LeaseFile& other) const {
  const auto period = std::chrono::seconds(std::clamp<std::int64_t>(other.period, 1, 60));
  fmt::print(stderr, "intarsia-server: watching for {} s whether {} still uses this home\n", 3 * period.count(),
             other.describe());
  // A quarter more than three: the other may be late, too.
  const auto deadline = Clock::now() + 3 * period + period / 4;
  while (Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!std::filesystem::exists(lease_path(home_))) return false;
    const auto now = read_lease(home_);  // nullopt: it is being written
    if (now && !(*now == other)) throw Error(ErrorCode::kDatabaseUnavailable, used_elsewhere(home_, *now));
  }
  return true;
}

void Lease::write() const {
  const std::filesystem::path path = lease_path(home_);
  const std::string text = LeaseFile{.owner = owner_,
                                     .host = host_name(),
                                     .place = Place::here(),
                                     .pid = getpid(),
                                     .time = std::time(nullptr),
                                     .period = kPeriod.count()}
                               .text();
  // Opened and closed each time: that is when network file systems send what was written.
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = file >= 0 && pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ftruncate(file, static_cast<off_t>(text.size())) == 0;
  const int error = errno;
  if (file >= 0 && close(file) == 0 && written) return;
  throw Error(ErrorCode::kStoreUnavailable,
              fmt::format("lease: cannot write '{}': {}", path.string(), std::strerror(error)));
}

bool Lease::owned() const {
  const auto lease = read_lease(home_);
  return lease && lease->owner == owner_;
}

void Lease::keep() {
  auto renewed = Clock::now();
  std::string problem;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPeriod, [this] { return ending_; })) {
    try {
      const auto found = read_whole(lease_path(home_));
      if (!found && errno == ENOENT) {
        problem = "the lease file is gone";
        break;
      }
      if (const auto other = read_lease(home_); other && other->owner != owner_) {
        problem = fmt::format("{} has taken over", other->describe());
        break;
      }
      write();
      renewed = Clock::now();
    } catch (const Error& error) {
      fmt::print(stderr, "intarsia-server: {}\n", error.what());
      problem = error.what();
      if (Clock::now() - renewed > 2 * kPeriod) break;
    }
  }
  if (ending_) return;
  lost_ = true;
  lock.unlock();
  on_lost_(problem);
}

}  // namespace intarsia

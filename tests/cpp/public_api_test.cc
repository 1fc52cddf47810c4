// SPDX-License-Identifier: Apache-2.0
// The public headers need no other library: what marks the headers of each must not be there after the umbrella alone.
// That every public header compiles on its own, twice over, is seen in the build (CMakeLists.txt).
#include "intarsia/intarsia.h"

#if defined(LIBPQ_FE_H) || defined(POSTGRES_EXT_H)
#error "libpq leaks through the public headers"
#endif
#if defined(AVCODEC_AVCODEC_H) || defined(AVFORMAT_AVFORMAT_H) || defined(AVUTIL_AVUTIL_H) || defined(AV_STRINGIFY)
#error "libav leaks through the public headers"
#endif
#if defined(ARROW_EXPORT) || defined(ARROW_VERSION_MAJOR) || defined(ARROW_RETURN_NOT_OK)
#error "Arrow C++ leaks through the public headers"
#endif
#if defined(OPENCV_CORE_HPP) || defined(CV_VERSION) || defined(OPENCV_CORE_TYPES_H)
#error "OpenCV leaks through the public headers"
#endif
#if defined(JPEGLIB_H) || defined(PNG_H) || defined(WEBP_WEBP_TYPES_H_) || defined(_TIFF_) || defined(_GIF_LIB_H_)
#error "an image codec leaks through the public headers"
#endif
#if defined(NLOHMANN_JSON_VERSION_MAJOR) || defined(FMT_VERSION) || defined(CURLINC_CURL_H) || defined(SPDLOG_H)
#error "a library that the engine uses inside leaks through the public headers"
#endif

#include <gtest/gtest.h>

#include <type_traits>

namespace intarsia {
namespace {

// A program may have structs of these names of its own; the C data interface is only declared, never defined, here.
template <typename T, typename = void>
struct IsComplete : std::false_type {};
template <typename T>
struct IsComplete<T, decltype(void(sizeof(T)))> : std::true_type {};

TEST(PublicApi, DeclaresTheArrowDataInterfaceWithoutDefiningIt) {
  EXPECT_FALSE(IsComplete<::ArrowArray>::value);
  EXPECT_FALSE(IsComplete<::ArrowSchema>::value);
}

TEST(PublicApi, HandlesAreCheapToCopy) {
  EXPECT_TRUE(std::is_copy_constructible_v<Table>);
  EXPECT_TRUE(std::is_copy_constructible_v<Database>);
  EXPECT_TRUE(std::is_nothrow_move_constructible_v<Expr>);
  EXPECT_LE(sizeof(Expr), 2 * sizeof(void*));
}

TEST(PublicApi, ErrorsHaveOneClass) {
  try {
    static_cast<void>(parse_kind("Colour"));
    FAIL() << "an unknown kind was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidType);
    EXPECT_NE(std::string(error.what()).find("Colour"), std::string::npos) << error.what();
  }
}

TEST(PublicApi, ColumnsAreBuiltAndReadWithoutADatabase) {
  ColumnBuilder builder{Type(TypeKind::kInt, true)};
  builder.append_int(7);
  builder.append_null();
  builder.append_error({"ValueError", "no number", {}});
  const Column column = builder.finish();
  ASSERT_EQ(column.length(), 3);
  EXPECT_EQ(column.int_at(0), 7);
  EXPECT_TRUE(column.is_null(1));
  EXPECT_EQ(column.error_at(1), nullptr);
  ASSERT_NE(column.error_at(2), nullptr);
  EXPECT_EQ(column.error_at(2)->message, "no number");
}

TEST(PublicApi, AUdfFromALambdaTurnsExceptionsIntoCellErrors) {
  const std::string name = udf("half_of_even", {"n"}, [](std::int64_t n) {
    if (n % 2 != 0) throw CellFailure("ValueError", "odd");
    return n / 2;
  });
  const Function* function = find_function(name);
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(function->return_type.kind(), TypeKind::kInt);
  ColumnBuilder numbers{TypeKind::kInt};
  numbers.append_int(4);
  numbers.append_int(5);
  const Column args[] = {numbers.finish()};
  ColumnBuilder out(function->return_type.as_nullable());
  function->kernel(args, 2, out);
  const Column halves = out.finish();
  EXPECT_EQ(halves.int_at(0), 2);
  ASSERT_NE(halves.error_at(1), nullptr);
  EXPECT_EQ(halves.error_at(1)->type, "ValueError");
}

}  // namespace
}  // namespace intarsia

//===- ImageTest.cpp - PNG and JPEG files as samples ----------------------------------===//
#include "Helpers.h"
#include <cstdio>
#include <jpeglib.h>
#include <png.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

using Pixels = std::vector<uint8_t>;

std::string pngOf(unsigned width, unsigned height, int format, const Pixels &pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width, image.height = height, image.format = static_cast<png_uint_32>(format);
  png_alloc_size_t size = 1 << 16;
  std::string out(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr));
  out.resize(size);
  return out;
}

std::string jpegOf(unsigned width, unsigned height, int channels, const Pixels &pixels) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char *bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = width, info.image_height = height, info.input_components = channels;
  info.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    JSAMPROW row = const_cast<uint8_t *>(pixels.data()) + info.next_scanline * width * channels;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string out(reinterpret_cast<char *>(bytes), size);
  free(bytes);
  return out;
}

/// 2x1: red, and (10, 20, 30).
const Pixels TwoPixels = {255, 0, 0, 10, 20, 30};

struct Images : Folder {
  std::string two() { return write("two.png", pngOf(2, 1, PNG_FORMAT_RGB, TwoPixels)); }
  std::string grey(unsigned w, unsigned h, const Pixels &p, const std::string &name = "grey.png") {
    return write(name, pngOf(w, h, PNG_FORMAT_GRAY, p));
  }
};

using Floats = std::vector<float>;

TEST_F(Images, FoldersAreClasses) {
  for (const char *name : {"b", "a"})
    ASSERT_FALSE(llvm::sys::fs::create_directory(path(name)));
  grey(1, 1, {7}, "b/1.png"), grey(1, 1, {8}, "b/2.png"), grey(1, 1, {9}, "a/1.png");
  const std::string all = folder.str().str();
  ASSERT_EQ(size(all, {1, 1, 1, 1}), 3u);
  EXPECT_EQ(sample(all, {1, 1, 1, 1}, 0).label, 0); // a
  EXPECT_EQ(sample(all, {1, 1, 1, 1}, 2).label, 1); // b
}

TEST_F(Images, LabelsOfAFolder) {
  ASSERT_FALSE(llvm::sys::fs::create_directory(path("d")));
  grey(1, 1, {7}, "d/x.png"), grey(1, 1, {8}, "d/y.png");
  std::string spec = path("d") + ":labels=" + write("labels.txt", "val/y.png 3\nx.png, 4\n\n");
  EXPECT_EQ(sample(spec, {1, 1, 1, 1}, 0).label, 4);
  EXPECT_EQ(sample(spec, {1, 1, 1, 1}, 1).label, 3);
  write("labels.txt", "x.png 4\n");
  EXPECT_HAS(failing(spec, {1, 1, 1, 1}), "y.png: error: the file has no line in");
  write("labels.txt", "x.png four\n");
  EXPECT_HAS(failing(spec, {1, 1, 1, 1}), "line 1 is not 'FILE NUMBER': x.png four");
}

} // namespace

TEST_F(Images, PngChannelsComeFirst) {
  EXPECT_EQ(values(two() + ":divide=1", {1, 3, 1, 2}), (Floats{255, 10, 0, 20, 0, 30}));
}
TEST_F(Images, PixelsTogetherWhereTheModelTakesChannelsLast) {
  EXPECT_EQ(values(two() + ":divide=1", {1, 2, 2, 3}), (Floats{255, 0, 0, 10, 20, 30, 255, 0, 0, 10, 20, 30}));
  EXPECT_EQ(values(two() + ":divide=1:bgr:mean=1/2/3", {1, 2, 2, 3}),
            (Floats{-1, -2, 252, 29, 18, 7, -1, -2, 252, 29, 18, 7}));
}
TEST_F(Images, DividedBy255) { EXPECT_EQ(values(two(), {1, 3, 1, 2})[0], 1.0f); }
TEST_F(Images, Bgr) { EXPECT_EQ(values(two() + ":divide=1:bgr", {1, 3, 1, 2}), (Floats{0, 30, 0, 20, 255, 10})); }
TEST_F(Images, MeanAndScalePerChannel) {
  EXPECT_EQ(values(two() + ":divide=1:mean=5/0/10:scale=2/1/0.5", {1, 3, 1, 2}), (Floats{500, 10, 0, 20, -5, 10}));
}
TEST_F(Images, StdIsTheInverseOfScale) {
  EXPECT_EQ(values(two() + ":divide=1:std=2", {1, 3, 1, 2}), (Floats{127.5f, 5, 0, 10, 0, 15}));
}
TEST_F(Images, MeanFollowsTheModelsChannelOrder) {
  EXPECT_EQ(values(two() + ":divide=1:bgr:mean=0/0/255", {1, 3, 1, 2})[4], 0.0f);
}
TEST_F(Images, GreyFillsThreeChannels) {
  EXPECT_EQ(values(grey(1, 1, {100}) + ":divide=1", {1, 3, 1, 1}), (Floats{100, 100, 100}));
}
TEST_F(Images, ColourFillsOneChannel) {
  Floats v = values(two() + ":divide=1", {1, 1, 1, 2});
  EXPECT_GT(v[0], 30);
  EXPECT_LT(v[0], 200);
}
TEST_F(Images, AlphaIsBlack) {
  write("a.png", pngOf(1, 1, PNG_FORMAT_RGBA, {200, 200, 200, 0}));
  EXPECT_EQ(values(path("a.png") + ":divide=1", {1, 3, 1, 1}), (Floats{0, 0, 0}));
}

TEST_F(Images, Jpeg) {
  write("flat.jpg", jpegOf(8, 8, 3, Pixels(8 * 8 * 3, 128)));
  for (float v : values(path("flat.jpg") + ":divide=1", {1, 3, 8, 8}))
    EXPECT_NEAR(v, 128, 2);
}
TEST_F(Images, GreyJpegForThreeChannels) {
  write("flat.jpeg", jpegOf(8, 8, 1, Pixels(8 * 8, 50)));
  EXPECT_NEAR(values(path("flat.jpeg") + ":divide=1", {1, 3, 8, 8})[191], 50, 2);
}
TEST_F(Images, ContentDecidesNotTheName) {
  write("really.jpg", pngOf(1, 1, PNG_FORMAT_GRAY, {9}));
  EXPECT_EQ(values(path("really.jpg") + ":divide=1", {1, 1, 1, 1})[0], 9);
}

TEST_F(Images, EnlargingIsBilinear) {
  EXPECT_EQ(values(grey(2, 1, {0, 100}) + ":divide=1", {1, 1, 1, 4}), (Floats{0, 25, 75, 100}));
}
TEST_F(Images, ReducingAverages) {
  Floats v = values(grey(4, 1, {0, 0, 100, 100}) + ":divide=1", {1, 1, 1, 1});
  EXPECT_FLOAT_EQ(v[0], 50);
}
TEST_F(Images, RowsAreResizedToo) {
  EXPECT_EQ(values(grey(1, 2, {0, 100}) + ":divide=1", {1, 1, 4, 1}), (Floats{0, 25, 75, 100}));
}
TEST_F(Images, CropTakesTheCentre) {
  EXPECT_EQ(values(grey(4, 2, {9, 1, 2, 9, 9, 3, 4, 9}) + ":divide=1:fit=crop", {1, 1, 2, 2}), (Floats{1, 2, 3, 4}));
}
TEST_F(Images, CropBehindShorterSide) {
  // 4x4 reduced to a shorter side of 4 (no change); the centre 2x2 of it.
  Pixels p(16, 9);
  p[5] = 1, p[6] = 2, p[9] = 3, p[10] = 4;
  EXPECT_EQ(values(grey(4, 4, p) + ":divide=1:fit=crop:short=4", {1, 1, 2, 2}), (Floats{1, 2, 3, 4}));
}
TEST_F(Images, PadKeepsTheAspect) {
  EXPECT_EQ(values(grey(2, 1, {5, 6}) + ":divide=1:fit=pad", {1, 1, 3, 2}), (Floats{114, 114, 5, 6, 114, 114}));
}

TEST_F(Images, FolderIsSortedByName) {
  grey(1, 1, {2}, "b.png"), grey(1, 1, {1}, "a.PNG"), grey(1, 1, {3}, "c.png");
  write("notes.txt", "not an image");
  std::string spec = folder.str().str() + ":divide=1";
  EXPECT_EQ(size(spec, {1, 1, 1, 1}), 3u);
  EXPECT_EQ(values(spec, {1, 1, 1, 1}, 0)[0], 1);
  EXPECT_EQ(values(spec, {1, 1, 1, 1}, 2)[0], 3);
  EXPECT_HAS(sample(spec, {1, 1, 1, 1}, 1).name, "b.png");
}
TEST_F(Images, CountAndSkip) {
  grey(1, 1, {1}, "a.png"), grey(1, 1, {2}, "b.png"), grey(1, 1, {3}, "c.png");
  EXPECT_EQ(size(folder.str().str() + ":2", {1, 1, 1, 1}), 2u);
  EXPECT_EQ(size(folder.str().str() + ":skip=2", {1, 1, 1, 1}), 1u);
  EXPECT_EQ(values(folder.str().str() + ":skip=2:divide=1", {1, 1, 1, 1})[0], 3);
}
TEST_F(Images, ABatchTakesSeveral) {
  grey(1, 1, {1}, "a.png"), grey(1, 1, {2}, "b.png"), grey(1, 1, {3}, "c.png");
  std::string spec = folder.str().str() + ":divide=1";
  EXPECT_EQ(size(spec, {2, 1, 1, 1}), 1u);
  EXPECT_EQ(values(spec, {2, 1, 1, 1}), (Floats{1, 2}));
  EXPECT_HAS(failing(spec, {4, 1, 1, 1}), "3 samples left, the model takes 4 at once");
}
TEST_F(Images, AColonInThePath) {
  grey(1, 1, {7}, "odd:2.png");
  EXPECT_EQ(values(path("odd:2.png") + ":divide=1", {1, 1, 1, 1})[0], 7);
}

TEST_F(Images, CorruptPngIsNamed) {
  std::string png = pngOf(2, 1, PNG_FORMAT_RGB, TwoPixels);
  png[png.find("IDAT") + 6] ^= 0x55;
  write("bad.png", png);
  std::string message = failing(path("bad.png"), {1, 3, 1, 2});
  EXPECT_HAS(message, "bad.png");
  EXPECT_HAS(message, "[data.image]");
}
TEST_F(Images, TruncationsOfAPngNeverCrash) {
  std::string png = pngOf(2, 1, PNG_FORMAT_RGB, TwoPixels);
  for (size_t n = 0; n + 12 < png.size(); ++n) { // the last 12 bytes are the end marker
    write("cut.png", png.substr(0, n));
    failing(path("cut.png"), {1, 3, 1, 2});
  }
}
TEST_F(Images, TruncationsOfAJpegNeverCrash) {
  std::string jpeg = jpegOf(16, 16, 3, Pixels(16 * 16 * 3, 77));
  for (size_t n = 0; n + 2 < jpeg.size(); n += 7) {
    write("cut.jpg", jpeg.substr(0, n));
    EXPECT_HAS(failing(path("cut.jpg"), {1, 3, 16, 16}), "cut.jpg");
  }
}
TEST_F(Images, HugePngIsRefused) {
  std::string png = pngOf(2, 1, PNG_FORMAT_RGB, TwoPixels);
  png[16] = 0x7f, png[20] = 0x7f; // width and height, most significant bytes
  write("huge.png", png);
  failing(path("huge.png"), {1, 3, 1, 2});
}
TEST_F(Images, NeitherPngNorJpeg) {
  write("x.png", "GIF89a");
  EXPECT_HAS(failing(path("x.png"), {1, 3, 1, 2}), "neither a PNG nor a JPEG");
}
TEST_F(Images, EmptyFile) {
  write("x.png", "");
  EXPECT_HAS(failing(path("x.png"), {1, 3, 1, 2}), "x.png");
}
TEST_F(Images, ModelWithFiveChannels) { EXPECT_HAS(failing(two(), {1, 5, 1, 2}), "1 or 3 channels"); }
TEST_F(Images, MeanWithTheWrongLength) {
  EXPECT_HAS(failing(two() + ":mean=1/2", {1, 3, 1, 2}), "mean has 2 numbers, the model's input has 3 channels");
}
TEST_F(Images, EmptyFolder) { EXPECT_HAS(failing(folder.str().str(), {1, 3, 1, 2}), "holds no .png"); }

// What detectors' outputs mean, as boxes.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "kissa/kissa.h"

namespace kissa::tools {

struct Detection {
  int label = 0;
  float score = 0.0f;
  float xmin = 0.0f, ymin = 0.0f, xmax = 0.0f,
        ymax = 0.0f;  // parts of the image's width and height
};

// The blobs that hold a detector's results.
struct DetectorOutputs {
  std::string boxes;         // SSD's rows; or the regions' moves
  std::string regions = {};  // of proposals; empty for SSD
  std::string scores = {};

  bool is_ssd() const { return regions.empty(); }
  std::vector<std::string> all() const;
};

// Throws kInvalidModel on a network that ends in neither.
DetectorOutputs find_detector_outputs(const Model& model);

struct OutputTensor {
  std::span<const float> data;
  Dims dims;
};

// Rows of image, class, score, xmin, ymin, xmax, ymax. The row that says "nothing found" is no box.
std::vector<Detection> ssd_detections(const OutputTensor& rows);

// Regions R x 5, scores R x classes, moves R x 4 classes, or R x 8 where all classes share them.
// Class 0 is the background. The last are moved, cut to the image of `size` (height, width) pixels,
// and of each class, those that overlap a better one by more than `overlap` dropped.
std::vector<Detection> proposal_detections(const OutputTensor& regions, const OutputTensor& scores,
                                           const OutputTensor& moves, std::array<int, 2> size,
                                           float overlap);

}  // namespace kissa::tools

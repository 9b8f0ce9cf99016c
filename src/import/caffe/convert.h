// Files of Caffe's older formats, V0 and V1, written anew in today's, V2.
#pragma once

#include <string>

namespace kissa {

// What today's format cannot say is logged and left out, as by Caffe; comments are lost. Each file
// appears whole or not at all. Errors are those of reading a network.
void upgrade_network_file(const std::string& prototxt, const std::string& upgraded);
// Up to the 2 GiB that protobuf reads.
void upgrade_weight_file(const std::string& caffemodel, const std::string& upgraded);

}  // namespace kissa

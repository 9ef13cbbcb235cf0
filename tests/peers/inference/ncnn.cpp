// Measures ncnn on one thread: microseconds per image, one image in each call, since ncnn takes no batches.
// With `once` it draws one image and prints nothing. Usage: ncnn-speed MODEL.param MODEL.bin LATENT LABELLED [once]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "net.h"

int main(int count, char** arguments) {
    ncnn::Net net;
    net.opt.num_threads = 1;
    // Single precision, as the other two programs.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = false;
    if (net.load_param(arguments[1]) || net.load_model(arguments[2])) return 1;
    const int latent = atoi(arguments[3]), labelled = atoi(arguments[4]);
    ncnn::Mat z(latent), label(1);
    for (int i = 0; i < latent; i++) z[i] = (i * 17 % 41) / 20.0f - 1.0f;
    ((int*)label)[0] = 3;
    const bool once = count > 5;
    double best = 1e9;
    for (int round = 0; round < (once ? 1 : 6); round++) {
        const int calls = once ? 1 : 2000;
        const auto start = std::chrono::steady_clock::now();
        for (int call = 0; call < calls; call++) {
            ncnn::Extractor extractor = net.create_extractor();
            extractor.input("in0", z);
            if (labelled) extractor.input("in1", label);
            ncnn::Mat image;
            if (extractor.extract("out0", image)) return 1;
        }
        const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
        if (round) best = std::min(best, time.count() / calls);
    }
    if (!once) printf("1 %.2f\n", best);
}

// What the native tests share: expectations, and the suites that `main` runs.
#pragma once

#include <string>

#include "plan/status.h"

namespace pydl::test {

// Prints and counts an expectation that does not hold. From any thread.
void expect(bool held, const std::string& what);
void expect_ok(const Status& status, const std::string& what);

// Whether there is a device: a GPU, or the emulation where the build has it. Says why not.
bool use_device();

void check_kernels();   // every kernel against the reference
void check_crew();      // the workers, with jobs made up here
void check_programs();  // bound plans: loops, `if`, several user threads
void check_derived();   // derived buffers
void check_arenas();    // the memory of runs
void check_devices();   // memory, copies and errors of devices
void check_tempo();     // when a loop runs alone
void check_gemm_layouts();  // where the GPU's matrix kernels put what
void check_gemm_wgmma();  // the same of sm_90a, and who multiplies what
void check_conv_layouts();  // which pixels the GPU's convolutions read
#ifdef PYDL_EMULATION
void check_emulation();  // CUDA's words on the CPU
void check_gemm_tiles();  // matrix kernels that small problems do not choose
void check_conv_tiles();  // and convolutions
#endif

}  // namespace pydl::test

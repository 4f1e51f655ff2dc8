package seriatim

import (
	"os"
	"strconv"
)

// Seeds gives the seeds of a random test: as many as it usually takes, or SERIATIM_SEEDS if that is more; or
// SERIATIM_SEED alone, to run one again.
func Seeds(usually uint64) []uint64 {
	if only, is := numberOf("SERIATIM_SEED"); is {
		return []uint64{only}
	}
	if least, is := numberOf("SERIATIM_SEEDS"); is {
		usually = max(usually, least)
	}
	seeds := make([]uint64, usually)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	return seeds
}

func numberOf(variable string) (uint64, bool) {
	text, is := os.LookupEnv(variable)
	if !is {
		return 0, false
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(variable + ": " + err.Error())
	}
	return number, true
}

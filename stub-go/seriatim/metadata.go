package seriatim

import (
	"encoding/base64"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"
)

const (
	// idempotencyKey is the one reserved key that a call may have: see Stub.
	idempotencyKey         = "seriatim-idempotency-key"
	maxIdempotencyKeyBytes = 255
)

// invocationMetadata turns the outgoing metadata of one call into the metadata of its invocation. Several
// values of a key are joined by commas, as HTTP has it.
func invocationMetadata(outgoing metadata.MD) (map[string]string, error) {
	if len(outgoing) == 0 {
		return nil, nil
	}
	result := make(map[string]string, len(outgoing))
	for key, values := range outgoing {
		if len(values) == 0 {
			continue
		}
		if key == idempotencyKey {
			if err := checkIdempotencyKey(values); err != nil {
				return nil, err
			}
		} else if err := checkMetadataKey(key); err != nil {
			return nil, err
		}
		if strings.HasSuffix(key, "-bin") {
			if len(values) != 1 {
				return nil, fmt.Errorf("metadata key %q has %d values, expected 1", key, len(values))
			}
			result[key] = base64.StdEncoding.EncodeToString([]byte(values[0]))
			continue
		}
		joined := strings.Join(values, ",")
		for i := range len(joined) {
			if c := joined[i]; c < ' ' || c > '~' {
				return nil, fmt.Errorf("metadata value of %q has byte %#02x, expected printable ASCII", key, c)
			}
		}
		result[key] = joined
	}
	return result, nil
}

func checkIdempotencyKey(values []string) error {
	if len(values) != 1 {
		return fmt.Errorf("metadata key %q has %d values, expected 1", idempotencyKey, len(values))
	}
	if length := len(values[0]); length < 1 || length > maxIdempotencyKeyBytes {
		return fmt.Errorf("metadata value of %q has %d bytes, expected 1 to %d", idempotencyKey, length, maxIdempotencyKeyBytes)
	}
	return nil
}

func checkMetadataKey(key string) error {
	if strings.HasPrefix(key, "grpc-") || strings.HasPrefix(key, "seriatim-") {
		return fmt.Errorf("metadata key %q is reserved", key)
	}
	for i := range len(key) {
		if !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz-_.", rune(key[i])) {
			return fmt.Errorf("metadata key %q has byte %#02x, expected a-z, 0-9, '-', '_' or '.'", key, key[i])
		}
	}
	if key == "" {
		return fmt.Errorf("metadata key is empty")
	}
	return nil
}

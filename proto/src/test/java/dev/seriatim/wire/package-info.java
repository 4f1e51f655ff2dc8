@NullMarked
package dev.seriatim.wire;

import org.jspecify.annotations.NullMarked;

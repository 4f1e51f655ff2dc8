/** A stub's call: reads frames, checks their sequence, writes outcomes. Internal. */
@NullMarked
package dev.seriatim.service.connect;

import org.jspecify.annotations.NullMarked;

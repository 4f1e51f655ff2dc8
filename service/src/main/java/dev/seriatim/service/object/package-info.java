/** The live objects: their directory, their mailboxes, their turns. Internal. */
@NullMarked
package dev.seriatim.service.object;

import org.jspecify.annotations.NullMarked;

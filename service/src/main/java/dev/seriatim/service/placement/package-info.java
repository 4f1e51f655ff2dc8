/** Where an object is: here, on another host, or nowhere yet. Internal. */
@NullMarked
package dev.seriatim.service.placement;

import org.jspecify.annotations.NullMarked;

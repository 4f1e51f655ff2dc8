/** The service {@code seriatim.admin.v1.Admin}: how people look into a host. Internal. */
@NullMarked
package dev.seriatim.service.admin;

import org.jspecify.annotations.NullMarked;

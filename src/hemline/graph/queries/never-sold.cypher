// How many products were never sold.
// Columns:
//   products  in the catalogue
//   never     of them, without any purchase
MATCH (p:Product)
RETURN count(*) AS products,
       sum(CASE WHEN EXISTS { MATCH (:Customer)-[:PURCHASED]->(p) } THEN 0 ELSE 1 END) AS never

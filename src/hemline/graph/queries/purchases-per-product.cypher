// Sales of a product: mean and standard deviation over those that were sold.
// The talk's 275.6 and 696.9: edges, so that identical purchases count once.
// Columns:
//   products   how many were sold
//   mean       purchases of one of them
//   deviation  standard deviation of the purchases
//   most       purchases of the product with the most
MATCH (:Customer)-[b:PURCHASED]->(p:Product)
WITH p.code AS product, 1.0 * count(b) AS n
RETURN count(*) AS products, avg(n) AS mean, sqrt(avg(n * n) - avg(n) * avg(n)) AS deviation,
       max(n) AS most
